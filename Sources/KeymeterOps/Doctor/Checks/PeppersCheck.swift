import KeymeterDomain
import KeymeterRepository

/// Whether the peppers are the ones that this database has been used with.
struct PeppersCheck: DatabaseCheck {
  let name = "peppers"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    guard let peppers = database.peppers else {
      return .skip("KEYMETER_PEPPERS can't be used: see \(DoctorRun.settingsName)")
    }
    let others = try await database.inspection.mismatched(peppers.checks)
    guard others.isEmpty else {
      return .fail(
        "KEYMETER_PEPPERS has other bytes under the id \(others.joined(separator: ", ")) than the database: "
          + "serve doesn't start",
        advice: "Restore the pepper from its backup, or give a new one an id of its own")
    }
    return .ok("\(peppers.ids.joined(separator: ", ")): no other bytes are known under these ids")
  }
}
