import Postgres

/// What admission runs: one statement, which is one transaction.
enum AdmissionStatements {
  static let all = [admit]

  static let admit = Statement(
    "admission_admit",
    """
    SELECT position, decision, organisation_id, key_id, environment, scopes, limit_requests, limit_tokens,
      limit_stt_secs, used_requests, used_tokens, used_stt_secs, judged_at
    FROM keymeter.admit($1, $2, $3, $4, $5, $6, $7)
    """)
}
