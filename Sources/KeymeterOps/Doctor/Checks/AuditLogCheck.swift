import KeymeterRepository

/// Whether the audit log refuses every change of what it says.
struct AuditLogCheck: DatabaseCheck {
  let name = "audit-log"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let isNewer = try await !Migrator(pool: database.pool).state().unknown.isEmpty
    let faults = try await database.inspection.faults(of: .auditLog, mayBeOthers: isNewer)
    guard faults.isEmpty else {
      return .fail(
        "\(faults.joined(separator: "; ")): what the log says can be changed",
        advice:
          "As keymeter_owner: ALTER TABLE keymeter.audit_log ENABLE TRIGGER …; or drop what isn't the migrations', delete the "
          + "row reject_audit_change.sql of keymeter_home.schema_functions, and run `keymeter migrate`")
    }
    return .ok(isNewer ? "append-only, by a newer version's triggers" : "append-only")
  }
}
