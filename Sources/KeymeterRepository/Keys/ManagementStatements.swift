import Postgres

/// Every statement that management runs.
///
/// `$1` is the organisation wherever a row belongs to one.
enum ManagementStatements {
  static let all = [
    enter, organisationByProvider, organisations, insertOrganisation, renameOrganisation, deleteOrganisation,
    organisationHolding, keyHolding, lockOrganisation, lockSecrets, activeKey, activeKeyShared, touchKey,
    isSuperseded, keyForUpdate, otherActiveRoot, keys, keysPage, insertKey, insertSecret, updateKey,
    fenceCounter,
    organisationFormerlyHolding, formerValue, noteFormerReport, keepFormerSecret, endFormerSecrets,
    limitSecrets, hintKey, endSecrets, revokeKey, deleteSecrets, deleteKey, appendAudit,
  ]

  /// Names the tenant until the transaction ends.
  ///
  /// Local to the transaction, so that a pooler which hands the session to somebody else between
  /// transactions carries nothing over.
  ///
  /// From then on each statement is planned for this tenant. A plan for any of them takes all for as large as the average,
  /// and walks over every key of one that has a hundred thousand, to find one.
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

  static let insertOrganisation = Statement(
    "management_insert_organisation",
    """
    INSERT INTO \(Schema.cell).organisations (organisation_id, provider_id, name) VALUES ($1, $2, $3)
    RETURNING organisation_id, provider_id, name, created_at
    """)

  static let renameOrganisation = Statement(
    "management_rename_organisation",
    "UPDATE \(Schema.cell).organisations SET name = $2 WHERE organisation_id = $1")

  /// Keys and secrets go with it by their foreign keys.
  static let deleteOrganisation = Statement(
    "management_delete_organisation", "DELETE FROM \(Schema.cell).organisations WHERE organisation_id = $1")

  private static let keyColumns = """
    k.key_id, k.organisation_id, k.friendly_name, k.root, k.environment, k.scopes, k.usage_limit,
    k.monthly_token_limit, k.monthly_stt_secs_limit, k.linkage_id, k.key_hint, k.created_at, k.expires_at,
    k.revoked_at, k.allowed_cidrs::text[] AS allowed_cidrs,
    greatest(k.last_used_at, (
      SELECT max(u.last_used_at) FROM \(Schema.cell).usage_monthly AS u
      WHERE u.organisation_id = k.organisation_id AND u.key_id = k.key_id)) AS last_used_at,
    \(keyStatus) AS status
    """

  /// The one rule of what a key's status is: what is shown, filtered by, and authenticated by.
  private static let keyStatus = """
    CASE
      WHEN k.revoked_at IS NOT NULL THEN 'REVOKED'
      WHEN k.expires_at <= now() THEN 'EXPIRED'
      ELSE 'ACTIVE'
    END
    """

  /// Finds the tenant of a caller that names none, before a tenant is named: a hash belongs to one key alone.
  static let organisationHolding = Statement(
    "management_organisation_holding",
    "SELECT organisation_id FROM \(Schema.cell).organisation_for_hash($1)")

  /// By the statement's own time rather than the transaction's, which may have waited.
  static let keyHolding = Statement(
    "management_key_holding",
    """
    SELECT key_id FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND secret_hash = ANY ($2)
      AND (valid_until IS NULL OR valid_until > statement_timestamp())
    """)

  /// Whatever changes or ends a key takes this lock first, so that no two do at once: of two root keys that end each
  /// other, one is the last.
  static let lockOrganisation = Statement(
    "management_lock_organisation", "SELECT \(Schema.cell).lock_organisation($1)::text AS locked")

  /// Waits for the changes that a key has under way, and holds off further ones.
  ///
  /// In one order and before any key's own row, so that nobody waits in a circle.
  static let lockSecrets = Statement(
    "management_lock_secrets",
    """
    SELECT key_id FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND key_id = $2 ORDER BY secret_hash FOR UPDATE
    """)

  /// A rotation gives every value but the new one an end.
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

  /// Locks the secret rather than the key, so that changes of one root key's own record don't wait for each
  /// other twice.
  ///
  /// Whatever ends a key must therefore change or remove its secrets' rows: after waiting for such a
  /// change, PostgreSQL judges this condition again on the secret's new row, but not on the key's.
  static let activeKeyShared = Statement("management_active_key_shared", "\(activeKeyText) FOR SHARE OF s")

  /// At most one write a minute and key, so that reading stays cheap.
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

  /// One page, from behind a place on, which an index finds.
  ///
  /// Planned for its arguments (`enter`): in a plan for any, `coalesce` may not go ahead of row-level security into an index,
  /// and all pages before are passed over.
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

  /// Writes nothing when the expiry has passed, judged by the one clock that also ends the key.
  static let insertKey = Statement(
    "management_insert_key",
    """
    INSERT INTO \(Schema.cell).api_keys AS k (
      organisation_id, key_id, friendly_name, root, environment, scopes, usage_limit, monthly_token_limit,
      monthly_stt_secs_limit, linkage_id, key_hint, expires_at, allowed_cidrs)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[]::cidr[]
    WHERE $12::timestamptz IS NULL OR $12::timestamptz > now()
    RETURNING \(keyColumns)
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
    UPDATE \(Schema.cell).api_keys AS k SET friendly_name = $3, usage_limit = $4, monthly_token_limit = $5,
      monthly_stt_secs_limit = $6, allowed_cidrs = $7::text[]::cidr[]
    WHERE k.organisation_id = $1 AND k.key_id = $2
    RETURNING \(keyColumns)
    """)

  /// Gives the month's counter a new version, so that a charge that was judged by the old limits is judged again.
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

  /// Once: a report may be repeated.
  static let noteFormerReport = Statement(
    "management_note_former_report",
    """
    UPDATE \(Schema.cell).former_secrets SET reported_at = statement_timestamp()
    WHERE organisation_id = $1 AND secret_hash = ANY ($2) AND reported_at IS NULL
    RETURNING key_id
    """)

  /// Has the present value be known when it is no more; comes before anything ends.
  static let keepFormerSecret = Statement(
    "management_keep_former_secret",
    """
    INSERT INTO \(Schema.cell).former_secrets (organisation_id, key_id, secret_hash, superseded_at)
    SELECT organisation_id, key_id, secret_hash, statement_timestamp() FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND key_id = $2 AND valid_until IS NULL
    """)

  /// Of the values before the present one none lives on, and the present one neither without an overlap ($3).
  static let endFormerSecrets = Statement(
    "management_end_former_secrets",
    """
    DELETE FROM \(Schema.cell).api_key_secrets
    WHERE organisation_id = $1 AND key_id = $2 AND (valid_until IS NOT NULL OR $3::bigint = 0)
    """)

  /// The value so far lives for the overlap from this statement on, however long the transaction had to wait.
  static let limitSecrets = Statement(
    "management_limit_secrets",
    """
    UPDATE \(Schema.cell).api_key_secrets SET valid_until = statement_timestamp() + make_interval(secs => $3::bigint)
    WHERE organisation_id = $1 AND key_id = $2
    """)

  static let hintKey = Statement(
    "management_hint_key",
    """
    UPDATE \(Schema.cell).api_keys AS k SET key_hint = $3 WHERE k.organisation_id = $1 AND k.key_id = $2
    RETURNING \(keyColumns)
    """)

  /// Kept rather than deleted, so that whoever verifies such a value is told that it was revoked.
  static let endSecrets = Statement(
    "management_end_secrets",
    """
    UPDATE \(Schema.cell).api_key_secrets SET valid_until = '-infinity'
    WHERE organisation_id = $1 AND key_id = $2
    """)

  static let revokeKey = Statement(
    "management_revoke_key",
    """
    UPDATE \(Schema.cell).api_keys AS k SET revoked_at = statement_timestamp()
    WHERE k.organisation_id = $1 AND k.key_id = $2
    RETURNING \(keyColumns)
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
