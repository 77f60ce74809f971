import Postgres

/// The statements of the usage API, apart from the hot path.
enum UsageStatements {
  static let all = [
    reserve, record, settle, usage, owners, dailyUsage, expireReservations, ensurePartitions, partitionsAhead,
    purgeEvents, purgeReservations,
  ]

  /// The columns of `keymeter.admit`, in the order that `Admission` and `KeyUsageSnapshot` read them.
  private static func admissionColumns(_ source: String) -> String {
    """
    \(source).position, \(source).decision, \(source).organisation_id, \(source).key_id, \(source).environment,
    \(source).scopes, \(source).limit_requests, \(source).limit_tokens, \(source).limit_stt_secs,
    \(source).used_requests, \(source).used_tokens, \(source).used_stt_secs, \(source).judged_at
    """
  }

  static let reserve = Statement(
    "usage_reserve",
    """
    SELECT \(admissionColumns("(r.admission)")), r.expires_at
    FROM \(Schema.cell).reserve($1, $2, $3, $4, $5, $6, $7, $8, $9) AS r
    """)

  static let record = Statement(
    "usage_record",
    """
    SELECT \(admissionColumns("(r.admission)")), r.over_limit, r.repeated, r.differs
    FROM \(Schema.cell).record($1, $2, $3, $4, $5, $6, $7) AS r
    """)

  static let settle = Statement(
    "usage_settle",
    """
    SELECT outcome, over_limit, month, used_requests, used_tokens, used_stt_secs
    FROM \(Schema.cell).settle($1, $2, $3, $4, $5, $6)
    """)

  static let usage = Statement(
    "usage_usage",
    """
    SELECT k.environment, k.scopes, u.limit_requests, u.limit_tokens, u.limit_stt_secs, u.used_requests, u.used_tokens,
      u.used_stt_secs, u.reserved_requests, u.reserved_tokens, u.reserved_stt_secs, u.judged_at
    FROM \(Schema.cell).usage($1, $2) AS u
    JOIN \(Schema.cell).api_keys AS k ON k.organisation_id = $1 AND k.key_id = u.key_id
    """)

  static let owners = Statement(
    "usage_owners",
    """
    SELECT o.organisation_id FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS k (key_id, place)
    LEFT JOIN LATERAL \(Schema.cell).key_owner(k.key_id, $2) AS o ON true
    ORDER BY k.place
    """)

  static let dailyUsage = Statement(
    "usage_daily_usage",
    """
    SELECT day, least(requests, 9223372036854775807)::bigint AS requests,
      least(tokens, 9223372036854775807)::bigint AS tokens, least(stt_secs, 9223372036854775807)::bigint AS stt_secs
    FROM \(Schema.cell).usage_analytics($1, $2, $3, $4)
    """)

  static let expireReservations = Statement(
    "usage_expire_reservations", "SELECT \(Schema.cell).expire_reservations($1) AS swept")

  static let ensurePartitions = Statement(
    "usage_ensure_partitions", "SELECT \(Schema.cell).ensure_usage_partitions($1) AS made")

  /// The number of consecutive months with a partition, from the next month on.
  ///
  /// It is -1 if the current month has none.
  static let partitionsAhead = Statement(
    "usage_partitions_ahead",
    """
    SELECT (min(months.ahead) - 1)::integer AS ahead
    FROM generate_series(0, 25) AS months (ahead)
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_inherits AS i
      WHERE i.inhparent = '\(Schema.cell).usage_daily'::regclass
        AND i.inhrelid = to_regclass('\(Schema.cell).usage_daily_' || to_char(
          date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + make_interval(months => months.ahead), 'YYYY_MM')))
    """)

  static let purgeEvents = Statement(
    "usage_purge_events", "SELECT \(Schema.cell).purge_usage_events(interval '48 hours', $1) AS purged")

  static let purgeReservations = Statement(
    "usage_purge_reservations",
    "SELECT \(Schema.cell).purge_reservations(interval '48 hours', $1) AS purged")
}
