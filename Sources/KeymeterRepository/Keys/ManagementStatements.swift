import Postgres

/// The statements of key management.
///
/// `$1` is the organisation in every statement on tenant rows.
enum ManagementStatements {
  static let all = [
    enter, organisationByProvider, organisations, insertDirectoryEntry, deleteDirectoryEntry,
    insertOrganisation, renameOrganisation, deleteOrganisation,
    organisationHolding, keyHolding, lockOrganisation, lockSecrets, activeKey, activeKeyShared, touchKey,
    isSuperseded, keyForUpdate, otherActiveRoot, keys, keysPage, insertKey, insertSecret, updateKey,
    fenceCounter,
    organisationFormerlyHolding, formerValue, noteFormerReport, keepFormerSecret, endFormerSecrets,
    limitSecrets, hintKey, endSecrets, revokeKey, deleteSecrets, deleteKey, appendAudit,
  ]

  /// Sets the tenant until the transaction ends.
  ///
  /// Local to the transaction, so that nothing leaks when a pooler lends the session to another client.
  ///
  /// It also forces custom plans, one per tenant. A generic plan assumes an average tenant, and so scans all
  /// keys of a tenant with 100,000 to find one.
  static let enter = Statement(
    "management_enter",
    """
    SELECT pg_catalog.set_config('keymeter.organisation_id', $1, true) AS entered,
      pg_catalog.set_config('plan_cache_mode', 'force_custom_plan', true) AS planned
    """)

  static let organisationByProvider = Statement(
    "management_organisation_by_provider",
    """
    SELECT organisation_id, provider_id, name, created_at
    FROM \(Schema.cell).organisation_by_provider($1)
    """)

  static let organisations = Statement(
    "management_organisations",
    """
    SELECT organisation_id, provider_id, name, created_at
    FROM \(Schema.cell).organisations ORDER BY provider_id
    """)

  /// Keeps provider ids unique across all cells.
  static let insertDirectoryEntry = Statement(
    "management_insert_directory_entry",
    "INSERT INTO \(Schema.home).directory (organisation_id, provider_id) VALUES ($1, $2)")

  static let deleteDirectoryEntry = Statement(
    "management_delete_directory_entry", "DELETE FROM \(Schema.home).directory WHERE organisation_id = $1")

  static let insertOrganisation = Statement(
    "management_insert_organisation",
    """
    INSERT INTO \(Schema.cell).organisations (organisation_id, provider_id, name) VALUES ($1, $2, $3)
    RETURNING organisation_id, provider_id, name, created_at
    """)

  static let renameOrganisation = Statement(
    "management_rename_organisation",
    "UPDATE \(Schema.cell).organisations SET name = $2 WHERE organisation_id = $1")

  /// Keys and secrets are deleted by foreign keys (ON DELETE CASCADE).
  static let deleteOrganisation = Statement(
    "management_delete_organisation", "DELETE FROM \(Schema.cell).organisations WHERE organisation_id = $1")

  /// What a change of a key returns, for `keyColumns` to read.
  private static let recordColumns = """
    key_id, organisation_id, friendly_name, root, environment, scopes, usage_limit, monthly_token_limit,
    monthly_stt_secs_limit, linkage_id, key_hint, created_at, expires_at, revoked_at, last_used_at, allowed_cidrs
    """

  /// Not for RETURNING: Citus accepts neither a subquery nor `now()` there.
  private static let keyColumns = """
    k.key_id, k.organisation_id, k.friendly_name, k.root, k.environment, k.scopes, k.usage_limit,
    k.monthly_token_limit, k.monthly_stt_secs_limit, k.linkage_id, k.key_hint, k.created_at, k.expires_at,
    k.revoked_at, k.allowed_cidrs::text[] AS allowed_cidrs,
    greatest(k.last_used_at, (
      SELECT max(u.last_used_at) FROM \(Schema.cell).usage_monthly AS u
      WHERE u.organisation_id = $1 AND u.key_id = k.key_id)) AS last_used_at,
    \(keyStatus) AS status
    """

  /// The single definition of a key's status, for responses, filters and authentication.
  private static let keyStatus = """
    CASE
      WHEN k.revoked_at IS NOT NULL THEN 'REVOKED'
      WHEN k.expires_at <= now() THEN 'EXPIRED'
      ELSE 'ACTIVE'
    END
    """

  /// Finds the tenant by the caller's hash before a tenant is set.
  ///
  /// A hash belongs to one key only.
  static let organisationHolding = Statement(
    "management_organisation_holding",
    "SELECT organisation_id FROM \(Schema.cell).organisation_for_hash($1)")

  /// Uses the statement's time, because the transaction may have waited for a lock since it began.
  static let keyHolding = Statement(
    "management_key_holding",
    """
    SELECT key_id FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND secret_hash = ANY ($2)
      AND (valid_until IS NULL OR valid_until > statement_timestamp())
    """)

  /// Every change of a key takes this lock first, so changes run one at a time.
  ///
  /// Two root keys can't end each other: one remains.
  static let lockOrganisation = Statement(
    "management_lock_organisation", "SELECT \(Schema.cell).lock_organisation($1)::text AS locked")

  /// Waits for changes requested with this key, and blocks further ones.
  ///
  /// Locks in a fixed order and before any key's own row, to avoid deadlocks.
  static let lockSecrets = Statement(
    "management_lock_secrets",
    """
    SELECT key_id FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND key_id = $2 ORDER BY secret_hash FOR UPDATE
    """)

  /// A rotation sets an end for every secret but the new one.
  static let isSuperseded = Statement(
    "management_is_superseded",
    """
    SELECT EXISTS (
      SELECT FROM \(Schema.cell).api_key_secrets
      WHERE organisation_id = $1 AND secret_hash = ANY ($2) AND valid_until IS NOT NULL) AS found
    """)

  private static let activeKeyText = """
    SELECT \(keyColumns)
    FROM \(Schema.cell).api_key_secrets AS s
    JOIN \(Schema.cell).api_keys AS k ON k.organisation_id = s.organisation_id AND k.key_id = s.key_id
    WHERE s.organisation_id = $1 AND s.secret_hash = ANY ($2)
      AND (s.valid_until IS NULL OR s.valid_until > now()) AND \(keyStatus) = 'ACTIVE'
    """

  static let activeKey = Statement("management_active_key", activeKeyText)

  /// Locks the secret, not the key, so that concurrent changes with one root key don't queue twice.
  ///
  /// Every statement that ends a key must therefore change or delete its secrets too: after waiting for a
  /// lock, PostgreSQL re-evaluates this condition on the secret's new row, but not on the key's.
  static let activeKeyShared = Statement("management_active_key_shared", "\(activeKeyText) FOR SHARE OF s")

  /// At most one write per minute and key, so that reads stay cheap.
  static let touchKey = Statement(
    "management_touch_key",
    """
    UPDATE \(Schema.cell).api_keys SET last_used_at = now()
    WHERE organisation_id = $1 AND key_id = $2
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    """)

  static let keyForUpdate = Statement(
    "management_key_for_update",
    """
    SELECT \(keyColumns) FROM \(Schema.cell).api_keys AS k
    WHERE k.organisation_id = $1 AND k.key_id = $2 FOR UPDATE
    """)

  static let keys = Statement(
    "management_keys",
    """
    SELECT \(keyColumns) FROM \(Schema.cell).api_keys AS k
    WHERE k.organisation_id = $1 ORDER BY k.created_at, k.key_id
    """)

  static let otherActiveRoot = Statement(
    "management_other_active_root",
    """
    SELECT EXISTS (
      SELECT FROM \(Schema.cell).api_keys AS k
      WHERE k.organisation_id = $1 AND k.root AND k.key_id <> $2 AND \(keyStatus) = 'ACTIVE') AS found
    """)

  /// One page after a position, found by an index.
  ///
  /// Needs a custom plan (`enter`): in a generic plan, row-level security prevents `coalesce` from becoming
  /// an index condition, and all earlier pages are scanned.
  static let keysPage = Statement(
    "management_keys_page",
    """
    SELECT \(keyColumns) FROM \(Schema.cell).api_keys AS k
    WHERE k.organisation_id = $1
      AND (k.created_at, k.key_id) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::text, ''))
      AND ($4::text IS NULL OR k.environment = $4)
      AND ($5::text IS NULL OR \(keyStatus) = $5)
    ORDER BY k.created_at, k.key_id LIMIT $6
    """)

  /// Inserts nothing if the expiry has passed, judged by the same clock that later ends the key.
  static let insertKey = Statement(
    "management_insert_key",
    """
    WITH k AS (
      INSERT INTO \(Schema.cell).api_keys (
        organisation_id, key_id, friendly_name, root, environment, scopes, usage_limit, monthly_token_limit,
        monthly_stt_secs_limit, linkage_id, key_hint, expires_at, allowed_cidrs)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[]::cidr[]
      WHERE $12::timestamptz IS NULL OR $12::timestamptz > now()
      RETURNING \(recordColumns))
    SELECT \(keyColumns) FROM k
    """)

  static let insertSecret = Statement(
    "management_insert_secret",
    """
    INSERT INTO \(Schema.cell).api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
    VALUES ($1, $2, $3, $4)
    """)

  static let updateKey = Statement(
    "management_update_key",
    """
    WITH k AS (
      UPDATE \(Schema.cell).api_keys SET friendly_name = $3, usage_limit = $4, monthly_token_limit = $5,
        monthly_stt_secs_limit = $6, allowed_cidrs = $7::text[]::cidr[]
      WHERE organisation_id = $1 AND key_id = $2 RETURNING \(recordColumns))
    SELECT \(keyColumns) FROM k
    """)

  /// Bumps the counter's version, so that a charge judged by the old limits is judged again.
  static let fenceCounter = Statement(
    "management_fence_counter", "SELECT \(Schema.cell).bump_counter_version($1, $2)::text AS fenced")

  static let organisationFormerlyHolding = Statement(
    "management_organisation_formerly_holding",
    "SELECT organisation_id FROM \(Schema.cell).organisation_for_former_hash($1)")

  static let formerValue = Statement(
    "management_former_value",
    """
    SELECT key_id, superseded_at FROM \(Schema.cell).former_secrets
    WHERE organisation_id = $1 AND secret_hash = ANY ($2)
    """)

  /// Only the first time, because a report may be repeated.
  static let noteFormerReport = Statement(
    "management_note_former_report",
    """
    UPDATE \(Schema.cell).former_secrets SET reported_at = statement_timestamp()
    WHERE organisation_id = $1 AND secret_hash = ANY ($2) AND reported_at IS NULL
    RETURNING key_id
    """)

  /// Saves the current hash in former_secrets so that a later leak report can match it.
  ///
  /// Run before retiring the secret.
  static let keepFormerSecret = Statement(
    "management_keep_former_secret",
    """
    INSERT INTO \(Schema.cell).former_secrets (organisation_id, key_id, secret_hash, superseded_at)
    SELECT organisation_id, key_id, secret_hash, statement_timestamp() FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND key_id = $2 AND valid_until IS NULL
    """)

  /// Deletes older secrets, and without an overlap ($3) the current one too.
  static let endFormerSecrets = Statement(
    "management_end_former_secrets",
    """
    DELETE FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND key_id = $2 AND (valid_until IS NOT NULL OR $3::bigint = 0)
    """)

  /// The overlap starts with this statement, even if the transaction had to wait.
  static let limitSecrets = Statement(
    "management_limit_secrets",
    """
    UPDATE \(Schema.cell).api_key_secrets SET valid_until = statement_timestamp() + make_interval(secs => $3::bigint)
    WHERE organisation_id = $1 AND key_id = $2
    """)

  static let hintKey = Statement(
    "management_hint_key",
    """
    WITH k AS (
      UPDATE \(Schema.cell).api_keys SET key_hint = $3
      WHERE organisation_id = $1 AND key_id = $2 RETURNING \(recordColumns))
    SELECT \(keyColumns) FROM k
    """)

  /// Keeps the rows, so that verifying such a secret reports that it was revoked.
  static let endSecrets = Statement(
    "management_end_secrets",
    """
    UPDATE \(Schema.cell).api_key_secrets SET valid_until = '-infinity'
    WHERE organisation_id = $1 AND key_id = $2
    """)

  static let revokeKey = Statement(
    "management_revoke_key",
    """
    WITH k AS (
      UPDATE \(Schema.cell).api_keys SET revoked_at = statement_timestamp()
      WHERE organisation_id = $1 AND key_id = $2 RETURNING \(recordColumns))
    SELECT \(keyColumns) FROM k
    """)

  static let deleteSecrets = Statement(
    "management_delete_secrets",
    "DELETE FROM \(Schema.cell).api_key_secrets WHERE organisation_id = $1 AND key_id = $2")

  static let deleteKey = Statement(
    "management_delete_key", "DELETE FROM \(Schema.cell).api_keys WHERE organisation_id = $1 AND key_id = $2")

  static let appendAudit = Statement(
    "management_append_audit",
    "SELECT \(Schema.cell).append_audit($1, $2, $3, $4, $5, $6, $7)::text AS appended")
}
