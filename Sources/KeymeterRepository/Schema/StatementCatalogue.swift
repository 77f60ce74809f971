import Postgres

/// Every statement that this module runs: what a test prepares against the migrated schema, so that a
/// misspelt column can't ship.
enum StatementCatalogue {
  static let all =
    MigrationStatements.all + ManagementStatements.all + AdmissionStatements.all + MeteringStatements.all
    + IdempotencyStatements.all + AuditStatements.all + RoleStatements.all + PepperStatements.all
    + InspectionStatements.all
}
