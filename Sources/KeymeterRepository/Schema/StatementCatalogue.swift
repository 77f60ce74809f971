import Postgres

/// Every statement of this module.
///
/// A test prepares each against the migrated schema, so that a misspelt column can't ship.
enum StatementCatalogue {
  static let all =
    MigrationStatements.all + OrganisationStatements.all + KeyStatements.all + LeakedKeyStatements.all
    + AdmissionStatements.all + UsageStatements.all
    + IdempotencyStatements.all + AuditStatements.all + RoleStatements.all + PepperStatements.all
}
