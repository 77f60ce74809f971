import Postgres

/// The statements that store first responses.
enum IdempotencyStatements {
  static let all = [claim, keep, purge]

  static let claim = Statement(
    "idempotency_claim",
    "SELECT outcome, salt, sealed_answer FROM \(Schema.cell).claim_idempotency_key($1, $2, $3)")

  /// Replaces an expired entry that has not been purged yet.
  ///
  /// If there is a valid response, it waits for that transaction and then writes nothing. The claim rules
  /// this out.
  static let keep = Statement(
    "idempotency_keep",
    """
    INSERT INTO \(Schema.cell).idempotency_keys AS i (
      organisation_id, key_id, name_hash, salt, sealed_answer, expires_at)
    VALUES ($1, $2, $3, $4, $5, statement_timestamp() + interval '24 hours')
    ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
    SET salt = excluded.salt, sealed_answer = excluded.sealed_answer, expires_at = excluded.expires_at
    WHERE i.expires_at <= statement_timestamp()
    RETURNING true AS kept
    """)

  static let purge = Statement(
    "idempotency_purge", "SELECT \(Schema.cell).purge_idempotency_keys($1) AS purged")
}
