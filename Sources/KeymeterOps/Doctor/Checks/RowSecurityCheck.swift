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
          "As keymeter_owner: ALTER TABLE keymeter.… ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, and the "
          + "policies of migration 0009 and no others")
    }
    return .ok("forced on \(tables.count) tables, partitions among them")
  }
}
