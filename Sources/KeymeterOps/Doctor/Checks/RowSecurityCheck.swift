import KeymeterRepository

/// Whether row-level security holds for every table of tenants' rows.
struct RowSecurityCheck: DatabaseCheck {
  let name = "row-level-security"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let tables = try await database.inspection.tenantTables()
    let faults = tables.compactMap { table in table.fault.map { "\(table.name): \($0)" } }
    guard faults.isEmpty else {
      return .fail(
        faults.joined(separator: "; "),
        advice:
          "As keymeter_owner: ALTER TABLE keymeter.… ENABLE ROW LEVEL SECURITY, and the policy of "
          + "migration 0008 and no others")
    }
    return .ok("enabled on \(tables.count) tables, partitions among them")
  }
}
