import Postgres

/// The statements for reports of leaked keys.
///
/// `$1` is the organisation, or the hashes before the tenant is known.
enum LeakedKeyStatements {
  static let all = [organisationForHash, organisationForFormerHash, keyForHash, formerSecret, markReported]

  /// Finds the tenant by the caller's hash before a tenant is set.
  ///
  /// A hash belongs to one key only.
  static let organisationForHash = Statement(
    "leaked_organisation_for_hash",
    "SELECT organisation_id FROM \(Schema.cell).organisation_for_hash($1)")

  static let organisationForFormerHash = Statement(
    "leaked_organisation_for_former_hash",
    "SELECT organisation_id FROM \(Schema.cell).organisation_for_former_hash($1)")

  /// Uses the statement's time, because the transaction may have waited for a lock since it began.
  static let keyForHash = Statement(
    "leaked_key_for_hash",
    """
    SELECT key_id FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND secret_hash = ANY ($2)
      AND (valid_until IS NULL OR valid_until > statement_timestamp())
    """)

  static let formerSecret = Statement(
    "leaked_former_secret",
    """
    SELECT key_id, superseded_at FROM \(Schema.cell).former_secrets
    WHERE organisation_id = $1 AND secret_hash = ANY ($2)
    """)

  /// Only the first time, because a report may be repeated.
  static let markReported = Statement(
    "leaked_mark_reported",
    """
    UPDATE \(Schema.cell).former_secrets SET reported_at = statement_timestamp()
    WHERE organisation_id = $1 AND secret_hash = ANY ($2) AND reported_at IS NULL
    RETURNING key_id
    """)
}
