import Postgres

/// The admission statements.
///
/// Each runs as its own transaction.
enum AdmissionStatements {
  static let all = [admitOne, admitGroups, admitMany]

  private static let columns = """
    position, decision, organisation_id, key_id, environment, scopes, limit_requests, limit_tokens, limit_stt_secs,
    used_requests, used_tokens, used_stt_secs, judged_at
    """

  /// A batch of one, which is usual while the server is idle.
  static let admitOne = Statement(
    "admission_admit_one",
    "SELECT \(columns) FROM \(Schema.cell).admit($1, $2, $3, $4, $5, $6, $7, $8)")

  /// A larger batch, grouped by identical requests.
  ///
  /// Leaves some of it to `admitMany`.
  static let admitGroups = Statement(
    "admission_admit_groups",
    """
    SELECT position, decision, admitted, organisation_id, key_id, environment, scopes, limit_requests, limit_tokens,
      limit_stt_secs, used_requests, used_tokens, used_stt_secs, judged_at
    FROM \(Schema.cell).admit_groups($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """)

  /// Requests that must be judged one by one.
  static let admitMany = Statement(
    "admission_admit_many",
    "SELECT \(columns) FROM \(Schema.cell).admit_many($1, $2, $3, $4, $5, $6, $7, $8)")
}
