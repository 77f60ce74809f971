import Postgres

/// The statements that read the audit log.
enum AuditStatements {
  static let all = [append, read]

  static let append = Statement(
    "audit_append",
    "SELECT \(Schema.cell).append_audit($1, $2, $3, $4, $5, $6, $7)::text AS appended")

  /// Scans the primary key from the newest entry.
  ///
  /// Entries became visible in this order, see `append_audit.sql`.
  static let read = Statement(
    "audit_read",
    """
    SELECT audit_id, occurred_at, principal, principal_hint, action, target, request_id, changes
    FROM \(Schema.cell).audit_log
    WHERE organisation_id = $1
      AND ($2::bigint IS NULL OR audit_id < $2)
      AND ($3::text IS NULL OR action = $3)
      AND ($4::text IS NULL OR target = $4)
      AND ($5::timestamptz IS NULL OR occurred_at >= $5)
    ORDER BY audit_id DESC LIMIT $6
    """)
}
