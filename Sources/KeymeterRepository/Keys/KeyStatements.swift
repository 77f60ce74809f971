import Postgres

/// The statements on keys.
///
/// `$1` is the organisation, except in `authenticate`.
///
/// A change of a key is one SQL function, so it costs one round trip.
enum KeyStatements {
  static let all = [
    authenticate, markUsed, lockKey, keyForUpdate, otherActiveRoot, keys, keysPage, insertKey, updateKey,
    rotateKey,
    revokeKey, deleteKey,
  ]

  /// The columns of a key that is called `k` in its query.
  ///
  /// The subquery names the organisation, as Citus requires.
  private static let columns = columns(
    of: "k",
    lastUsedAt: """
      greatest(k.last_used_at, (
        SELECT max(u.last_used_at) FROM \(Schema.cell).usage_monthly AS u
        WHERE u.organisation_id = $1 AND u.key_id = k.key_id))
      """)

  private static func columns(of key: String, lastUsedAt: String) -> String {
    """
    \(key).key_id, \(key).organisation_id, \(key).friendly_name, \(key).root, \(key).environment, \(key).scopes,
    \(key).usage_limit, \(key).monthly_token_limit, \(key).monthly_stt_secs_limit, \(key).linkage_id,
    \(key).key_hint, \(key).created_at, \(key).expires_at, \(key).revoked_at,
    \(key).allowed_cidrs::text[] AS allowed_cidrs, \(lastUsedAt) AS last_used_at, \(status(of: key)) AS status
    """
  }

  /// The single definition of a key's status, for responses, filters and authentication.
  private static func status(of key: String) -> String {
    """
    CASE
      WHEN \(key).revoked_at IS NOT NULL THEN 'REVOKED'
      WHEN \(key).expires_at <= now() THEN 'EXPIRED'
      ELSE 'ACTIVE'
    END
    """
  }

  /// Finds the presented key and sets the tenant until the transaction ends.
  static let authenticate = Statement(
    "key_authenticate",
    """
    SELECT a.provider_known, a.secret_ended, a.superseded, a.used_requests, a.used_tokens, a.used_stt_secs, a.read_at,
      \(columns(of: "(a.key)", lastUsedAt: "(a.key).last_used_at"))
    FROM \(Schema.cell).authenticate($1, $2, $3, $4) AS a
    """)

  /// Writes at most once a minute per key, so that reads stay cheap.
  static let markUsed = Statement(
    "key_mark_used", "SELECT \(Schema.cell).mark_key_used($1, $2)::text AS done")

  static let lockKey = Statement("key_lock", "SELECT \(Schema.cell).lock_key($1, $2)::text AS locked")

  static let keyForUpdate = Statement(
    "key_for_update",
    """
    SELECT \(columns) FROM \(Schema.cell).api_keys AS k
    WHERE k.organisation_id = $1 AND k.key_id = $2 FOR UPDATE
    """)

  static let otherActiveRoot = Statement(
    "key_other_active_root",
    """
    SELECT EXISTS (
      SELECT FROM \(Schema.cell).api_keys AS k
      WHERE k.organisation_id = $1 AND k.root AND k.key_id <> $2 AND \(status(of: "k")) = 'ACTIVE') AS found
    """)

  static let keys = Statement(
    "key_list",
    """
    SELECT \(columns) FROM \(Schema.cell).api_keys AS k
    WHERE k.organisation_id = $1 ORDER BY k.created_at, k.key_id
    """)

  /// One page after a position, found by an index.
  ///
  /// Needs a custom plan (`setTenant`): in a generic plan, row-level security prevents `coalesce` from becoming
  /// an index condition, and all earlier pages are scanned.
  static let keysPage = Statement(
    "key_page",
    """
    SELECT \(columns) FROM \(Schema.cell).api_keys AS k
    WHERE k.organisation_id = $1
      AND (k.created_at, k.key_id) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::text, ''))
      AND ($4::text IS NULL OR k.environment = $4)
      AND ($5::text IS NULL OR \(status(of: "k")) = $5)
    ORDER BY k.created_at, k.key_id LIMIT $6
    """)

  /// Inserts nothing if the expiry is not in the future, by the database's clock.
  static let insertKey = Statement(
    "key_insert",
    """
    SELECT \(columns)
    FROM \(Schema.cell).insert_key(
      $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[]::cidr[], $14, $15) AS k
    """)

  static let updateKey = Statement(
    "key_update",
    "SELECT \(columns) FROM \(Schema.cell).update_key($1, $2, $3, $4, $5, $6, $7::text[]::cidr[]) AS k")

  static let rotateKey = Statement(
    "key_rotate", "SELECT \(columns) FROM \(Schema.cell).rotate_key($1, $2, $3, $4, $5, $6) AS k")

  static let revokeKey = Statement(
    "key_revoke", "SELECT \(columns) FROM \(Schema.cell).revoke_key($1, $2) AS k")

  static let deleteKey = Statement(
    "key_delete", "SELECT \(Schema.cell).delete_key($1, $2)::text AS deleted")
}
