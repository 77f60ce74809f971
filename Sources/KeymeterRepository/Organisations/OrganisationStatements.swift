import Postgres

/// The statements on organisations, and the one that sets the tenant.
enum OrganisationStatements {
  static let all = [
    setTenant, organisationByProvider, organisations, insertDirectoryEntry, deleteDirectoryEntry,
    insertOrganisation, renameOrganisation, deleteOrganisation,
  ]

  /// Sets the tenant until the transaction ends.
  ///
  /// Local to the transaction, so that nothing leaks when a pooler lends the session to another client.
  ///
  /// It also forces custom plans, one per tenant. A generic plan assumes an average tenant, and so scans all
  /// keys of a tenant with 100,000 to find one.
  static let setTenant = Statement(
    "set_tenant",
    """
    SELECT pg_catalog.set_config('keymeter.organisation_id', $1, true) AS tenant,
      pg_catalog.set_config('plan_cache_mode', 'force_custom_plan', true) AS planned
    """)

  static let organisationByProvider = Statement(
    "organisation_by_provider",
    """
    SELECT organisation_id, provider_id, name, created_at
    FROM \(Schema.cell).organisation_by_provider($1)
    """)

  static let organisations = Statement(
    "organisations",
    """
    SELECT organisation_id, provider_id, name, created_at
    FROM \(Schema.cell).organisations ORDER BY provider_id
    """)

  /// Keeps provider ids unique across all cells.
  static let insertDirectoryEntry = Statement(
    "insert_directory_entry",
    "INSERT INTO \(Schema.home).directory (organisation_id, provider_id) VALUES ($1, $2)")

  static let deleteDirectoryEntry = Statement(
    "delete_directory_entry", "DELETE FROM \(Schema.home).directory WHERE organisation_id = $1")

  static let insertOrganisation = Statement(
    "insert_organisation",
    """
    INSERT INTO \(Schema.cell).organisations (organisation_id, provider_id, name) VALUES ($1, $2, $3)
    RETURNING organisation_id, provider_id, name, created_at
    """)

  static let renameOrganisation = Statement(
    "rename_organisation",
    "UPDATE \(Schema.cell).organisations SET name = $2 WHERE organisation_id = $1")

  /// Keys and secrets are deleted by foreign keys (ON DELETE CASCADE).
  static let deleteOrganisation = Statement(
    "delete_organisation", "DELETE FROM \(Schema.cell).organisations WHERE organisation_id = $1")
}
