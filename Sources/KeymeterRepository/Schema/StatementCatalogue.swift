import Postgres

/// Every statement of this module.
///
/// A test prepares them all against the migrated schema, so that no misspelt column ships.
enum StatementCatalogue {
  static let all =
    MigrationStatements.all + ManagementStatements.all + AdmissionStatements.all + MeteringStatements.all
    + IdempotencyStatements.all + AuditStatements.all + RoleStatements.all + PepperStatements.all
}
