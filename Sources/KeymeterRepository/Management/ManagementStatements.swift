import Postgres

/// Every statement that management runs.
///
/// `$1` is the organisation wherever a row belongs to one.
enum ManagementStatements {
  static let all = [
    enter, organisationByProvider, organisations, insertOrganisation, renameOrganisation, deleteOrganisation,
    activeKey, activeKeyShared, touchKey, keyForUpdate, keys, insertKey, insertSecret, updateKey,
    fenceCounter,
    deleteSecrets, deleteKey, appendAudit,
  ]

  /// Names the tenant until the transaction ends.
  ///
  /// Local to the transaction, so that a pooler which hands the session to somebody else between
  /// transactions carries nothing over.
  static let enter = Statement(
    "management_enter", "SELECT pg_catalog.set_config('keymeter.organisation_id', $1, true) AS entered")

  static let organisationByProvider = Statement(
    "management_organisation_by_provider",
    """
    SELECT organisation_id, provider_id, name, created_at
    FROM keymeter.organisations WHERE provider_id = $1
    """)

  static let organisations = Statement(
    "management_organisations",
    """
    SELECT organisation_id, provider_id, name, created_at
    FROM keymeter.organisations ORDER BY provider_id
    """)

  static let insertOrganisation = Statement(
    "management_insert_organisation",
    """
    INSERT INTO keymeter.organisations (organisation_id, provider_id, name) VALUES ($1, $2, $3)
    RETURNING organisation_id, provider_id, name, created_at
    """)

  static let renameOrganisation = Statement(
    "management_rename_organisation",
    "UPDATE keymeter.organisations SET name = $2 WHERE organisation_id = $1")

  /// Keys and secrets go with it by their foreign keys.
  static let deleteOrganisation = Statement(
    "management_delete_organisation", "DELETE FROM keymeter.organisations WHERE organisation_id = $1")

  private static let keyColumns = """
    k.key_id, k.organisation_id, k.friendly_name, k.root, k.environment, k.scopes, k.usage_limit,
    k.monthly_token_limit, k.monthly_stt_secs_limit, k.linkage_id, k.key_hint, k.created_at, k.expires_at,
    k.revoked_at,
    greatest(k.last_used_at, (
      SELECT max(u.last_used_at) FROM keymeter.usage_monthly AS u
      WHERE u.organisation_id = k.organisation_id AND u.key_id = k.key_id)) AS last_used_at,
    CASE
      WHEN k.revoked_at IS NOT NULL THEN 'REVOKED'
      WHEN k.expires_at <= now() THEN 'EXPIRED'
      ELSE 'ACTIVE'
    END AS status
    """

  private static let activeKeyText = """
    SELECT \(keyColumns)
    FROM keymeter.api_key_secrets AS s
    JOIN keymeter.api_keys AS k ON k.organisation_id = s.organisation_id AND k.key_id = s.key_id
    WHERE s.organisation_id = $1 AND s.secret_hash = ANY ($2)
      AND (s.valid_until IS NULL OR s.valid_until > now())
      AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
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
    UPDATE keymeter.api_keys SET last_used_at = now()
    WHERE organisation_id = $1 AND key_id = $2
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    """)

  static let keyForUpdate = Statement(
    "management_key_for_update",
    """
    SELECT \(keyColumns) FROM keymeter.api_keys AS k
    WHERE k.organisation_id = $1 AND k.key_id = $2 FOR UPDATE
    """)

  static let keys = Statement(
    "management_keys",
    """
    SELECT \(keyColumns) FROM keymeter.api_keys AS k
    WHERE k.organisation_id = $1 ORDER BY k.created_at, k.key_id
    """)

  /// Writes nothing when the expiry has passed, judged by the one clock that also ends the key.
  static let insertKey = Statement(
    "management_insert_key",
    """
    INSERT INTO keymeter.api_keys AS k (
      organisation_id, key_id, friendly_name, root, environment, scopes, usage_limit, monthly_token_limit,
      monthly_stt_secs_limit, linkage_id, key_hint, expires_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
    WHERE $12::timestamptz IS NULL OR $12::timestamptz > now()
    RETURNING \(keyColumns)
    """)

  static let insertSecret = Statement(
    "management_insert_secret",
    """
    INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
    VALUES ($1, $2, $3, $4)
    """)

  static let updateKey = Statement(
    "management_update_key",
    """
    UPDATE keymeter.api_keys AS k SET friendly_name = $3, usage_limit = $4, monthly_token_limit = $5,
      monthly_stt_secs_limit = $6
    WHERE k.organisation_id = $1 AND k.key_id = $2
    RETURNING \(keyColumns)
    """)

  /// Gives the month's counter a new version, so that a charge that was judged by the old limits is judged again.
  static let fenceCounter = Statement(
    "management_fence_counter", "SELECT keymeter.fence_counter($1, $2)::text AS fenced")

  static let deleteSecrets = Statement(
    "management_delete_secrets",
    "DELETE FROM keymeter.api_key_secrets WHERE organisation_id = $1 AND key_id = $2")

  static let deleteKey = Statement(
    "management_delete_key", "DELETE FROM keymeter.api_keys WHERE organisation_id = $1 AND key_id = $2")

  static let appendAudit = Statement(
    "management_append_audit",
    "SELECT keymeter.append_audit($1, $2, $3, $4, $5, $6, $7)::text AS appended")
}
