import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

/// Implements the hooks in SQL, because PostgreSQL's clock can't be set.
struct PostgresHooks: MeterHooks {
  let pool: ConnectionPool

  func sweepExpiredReservations() async throws -> Int {
    let rows = try await run(
      Statement("test_sweep", "SELECT keymeter.expire_reservations(1000) AS swept"))
    return Int(try rows.first?.decode("swept", as: Int32.self) ?? 0)
  }

  func runOutAnswers() async throws {
    _ = try await run(
      Statement("test_run_out_answers", "UPDATE keymeter.idempotency_keys SET expires_at = now()"))
  }

  func purgeAnswers() async throws -> Int {
    let rows = try await run(
      Statement("test_purge_answers", "SELECT keymeter.purge_idempotency_keys(1000) AS purged"))
    return Int(try rows.first?.decode("purged", as: Int32.self) ?? 0)
  }

  func answers() async throws -> Int {
    let rows = try await run(
      Statement("test_answers", "SELECT count(*) AS kept FROM keymeter.idempotency_keys"))
    return try rows.first?.decode("kept", as: Int.self) ?? 0
  }

  func runOut(_ id: ReservationID) async throws {
    _ = try await run(
      Statement(
        "test_run_out",
        """
        UPDATE keymeter.reservations
        SET reserved_at = now() - interval '2 days', expires_at = now() - interval '1 second'
        WHERE reservation_id = $1
        """), .text(id.rawValue))
  }

  func expire(_ id: KeyID) async throws {
    _ = try await run(
      Statement(
        "test_expire",
        "UPDATE keymeter.api_keys SET expires_at = now() - interval '1 second' WHERE key_id = $1"),
      .text(id.rawValue))
  }

  func endOverlap(of id: KeyID) async throws {
    _ = try await run(
      Statement(
        "test_end_overlap",
        """
        UPDATE keymeter.api_key_secrets SET valid_until = now() - interval '1 second'
        WHERE key_id = $1 AND valid_until IS NOT NULL
        """),
      .text(id.rawValue))
  }

  func setUsed(_ amounts: Amounts, by key: KeyID, in organisation: OrganisationID) async throws {
    _ = try await run(
      Statement(
        "test_set_used",
        """
        WITH counted AS (
          INSERT INTO keymeter.usage_monthly
            (organisation_id, key_id, month, used_requests, used_tokens, used_stt_secs, last_used_at,
             day, day_requests, day_tokens, day_stt_secs)
          VALUES ($1, $2, keymeter.month_of((now() AT TIME ZONE 'UTC')::date), $3, $4, $5, now(),
            (now() AT TIME ZONE 'UTC')::date, $3, $4, $5)
          ON CONFLICT (organisation_id, key_id, month) DO UPDATE SET used_requests = $3, used_tokens = $4,
            used_stt_secs = $5, reserved_requests = 0, reserved_tokens = 0, reserved_stt_secs = 0,
            day = excluded.day, day_requests = $3, day_tokens = $4, day_stt_secs = $5
        )
        DELETE FROM keymeter.usage_daily AS d
        WHERE d.organisation_id = $1 AND d.key_id = $2
          AND d.day >= keymeter.month_of((now() AT TIME ZONE 'UTC')::date)
        """),
      .text(organisation.rawValue), .text(key.rawValue), .int8(amounts.requests), .int8(amounts.tokens),
      .int8(amounts.speechSeconds))
  }

  func monthPasses() async throws {
    // Through another century, so that no moved row collides with one that has not moved yet.
    try await pool.withTransaction { connection in
      try await connection.executeScript(Self.fileDays)
      for months in ["- interval '1200 months'", "+ interval '1199 months'"] {
        try await connection.executeScript(
          """
          UPDATE keymeter.usage_monthly
          SET month = (month \(months))::date, day = (keymeter.month_of(day) \(months))::date;
          UPDATE keymeter.reservations SET day = (keymeter.month_of(day) \(months))::date;
          WITH moved AS (DELETE FROM keymeter.usage_daily RETURNING *)
          INSERT INTO keymeter.usage_daily (organisation_id, key_id, day, requests, tokens, stt_secs)
          SELECT organisation_id, key_id, (keymeter.month_of(day) \(months))::date,
            sum(requests), sum(tokens), sum(stt_secs)
          FROM moved GROUP BY 1, 2, 3;
          """)
      }
    }
  }

  /// Moves a counter's day to usage_daily if that has an earlier day of the month.
  ///
  /// Both are about to become the first of the month, and the counter must hold all of its day.
  private static let fileDays = """
    CREATE TEMPORARY TABLE filed ON COMMIT DROP AS
    SELECT u.* FROM keymeter.usage_monthly AS u
    WHERE u.day > u.month AND EXISTS (
      SELECT FROM keymeter.usage_daily AS d
      WHERE d.organisation_id = u.organisation_id AND d.key_id = u.key_id AND keymeter.month_of(d.day) = u.month);
    INSERT INTO keymeter.usage_daily AS d (organisation_id, key_id, day, requests, tokens, stt_secs)
    SELECT organisation_id, key_id, month, day_requests, day_tokens, day_stt_secs FROM filed
    ON CONFLICT (organisation_id, key_id, day) DO UPDATE
    SET requests = d.requests + excluded.requests, tokens = d.tokens + excluded.tokens,
      stt_secs = d.stt_secs + excluded.stt_secs;
    UPDATE keymeter.usage_monthly AS u SET day = NULL, day_requests = 0, day_tokens = 0, day_stt_secs = 0
    FROM filed AS f WHERE u.organisation_id = f.organisation_id AND u.key_id = f.key_id AND u.month = f.month;
    """

  func dayPasses() async throws {
    try await pool.withTransaction { connection in
      try await connection.executeScript(Self.fileDays)
      try await connection.executeScript(
        """
        UPDATE keymeter.usage_monthly SET day = keymeter.month_of(day)
        WHERE day = (now() AT TIME ZONE 'UTC')::date;
        UPDATE keymeter.reservations SET day = keymeter.month_of(day)
        WHERE day = (now() AT TIME ZONE 'UTC')::date;
        WITH moved AS (
          DELETE FROM keymeter.usage_daily WHERE day = (now() AT TIME ZONE 'UTC')::date RETURNING *)
        INSERT INTO keymeter.usage_daily AS d (organisation_id, key_id, day, requests, tokens, stt_secs)
        SELECT organisation_id, key_id, keymeter.month_of(day), requests, tokens, stt_secs FROM moved
        ON CONFLICT (organisation_id, key_id, day) DO UPDATE
        SET requests = d.requests + excluded.requests, tokens = d.tokens + excluded.tokens,
          stt_secs = d.stt_secs + excluded.stt_secs;
        """)
    }
  }

  func meter() async throws -> MeterSnapshot {
    // The denormalised columns next to each secret match the key's record.
    #expect(try await run(Self.strayFacts).isEmpty)
    return MeterSnapshot(
      months: try await run(Self.months).map(MeterSnapshot.Month.init),
      days: try await run(Self.days).map(MeterSnapshot.Day.init),
      reservations: try await run(Self.reservations).map(MeterSnapshot.Reservation.init),
      events: try await run(Self.events).map(MeterSnapshot.Event.init))
  }

  private func run(_ statement: Statement, _ parameters: Parameter...) async throws -> [Row] {
    try await pool.withConnection { try await $0.execute(statement, parameters).rows }
  }

  private static let months = Statement(
    "test_months",
    """
    SELECT organisation_id, key_id, month, used_requests, used_tokens, used_stt_secs, reserved_requests,
      reserved_tokens, reserved_stt_secs
    FROM keymeter.usage_monthly
    """)

  private static let strayFacts = Statement(
    "test_stray_facts",
    """
    SELECT s.key_id FROM keymeter.api_key_secrets AS s
    JOIN keymeter.api_keys AS k ON k.organisation_id = s.organisation_id AND k.key_id = s.key_id
    WHERE (s.environment, s.scopes, s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit, s.expires_at,
        s.revoked_at, s.allowed_cidrs)
      IS DISTINCT FROM (k.environment, k.scopes, k.usage_limit, k.monthly_token_limit, k.monthly_stt_secs_limit,
        k.expires_at, k.revoked_at, k.allowed_cidrs)
    """)

  private static let days = Statement(
    "test_days", "SELECT organisation_id, key_id, day, requests, tokens, stt_secs FROM keymeter.usage_by_day")

  private static let reservations = Statement(
    "test_reservations",
    """
    SELECT organisation_id, reservation_id, key_id, day, requests, tokens, stt_secs, on_expiry, state,
      settled_requests, settled_tokens, settled_stt_secs, over_limit
    FROM keymeter.reservations
    """)

  private static let events = Statement(
    "test_events",
    """
    SELECT organisation_id, event_id, key_id, requests, tokens, stt_secs, over_limit
    FROM keymeter.usage_events
    """)
}

extension MeterSnapshot.Month {
  fileprivate init(_ row: Row) throws {
    self.init(
      organisation: try row.text("organisation_id"), key: try row.text("key_id"),
      month: try row.day("month"), used: try row.amounts("used_"), reserved: try row.amounts("reserved_"))
  }
}

extension MeterSnapshot.Day {
  fileprivate init(_ row: Row) throws {
    self.init(
      organisation: try row.text("organisation_id"), key: try row.text("key_id"), day: try row.day("day"),
      used: try row.amounts(""))
  }
}

extension MeterSnapshot.Reservation {
  fileprivate init(_ row: Row) throws {
    let state = try row.text("state")
    self.init(
      organisation: try row.text("organisation_id"), id: try row.text("reservation_id"),
      key: try row.text("key_id"), day: try row.day("day"), amounts: try row.amounts(""),
      onExpiry: try row.text("on_expiry"), state: state,
      settled: state == "open" ? nil : try row.amounts("settled_"),
      overLimit: try row.decode("over_limit", as: Bool?.self))
  }
}

extension MeterSnapshot.Event {
  fileprivate init(_ row: Row) throws {
    self.init(
      organisation: try row.text("organisation_id"), id: try row.text("event_id"),
      key: try row.text("key_id"), amounts: try row.amounts(""),
      overLimit: try row.decode("over_limit", as: Bool.self))
  }
}

extension Row {
  fileprivate func text(_ column: String) throws -> String { try decode(column, as: String.self) }

  fileprivate func day(_ column: String) throws -> CivilDate {
    CivilDate(daysSinceEpoch: Int64(try decode(column, as: PostgresDate.self).daysSinceUnixEpoch))
  }

  fileprivate func amounts(_ prefix: String) throws -> Amounts {
    Amounts(
      requests: try decode("\(prefix)requests", as: Int64.self),
      tokens: try decode("\(prefix)tokens", as: Int64.self),
      speechSeconds: try decode("\(prefix)stt_secs", as: Int64.self))
  }
}
