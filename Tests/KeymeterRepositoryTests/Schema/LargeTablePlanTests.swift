import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Queries whose cost must not grow with other rows.
///
/// `make bench-scale` checks every statement this way.
@Suite("Plans on large tables", .timeLimit(.minutes(10)))
struct LargeTablePlanTests {
  @Test(
    "One key's usage is read without the organisation's other rows, also with a generic plan")
  func oneKey() async throws {
    try await seeded { pool in
      try await pool.withTransaction { connection in
        _ = try await connection.execute(OrganisationStatements.setTenant, [.text("org_a")])
        try await connection.executeScript("SET LOCAL plan_cache_mode = force_generic_plan")
        let days = PostgresDate(daysSinceUnixEpoch: 0)
        func ask(_ keys: [String]?) async throws -> Int {
          try await connection.execute(
            UsageStatements.dailyUsage,
            [
              .text("org_a"), .textArrayOrNull(keys), .date(days),
              .date(PostgresDate(daysSinceUnixEpoch: 40_000)),
            ]
          ).rows.count
        }
        // Enough executions for PostgreSQL to switch to a generic plan if it ever does.
        for _ in 0..<8 { _ = try await ask(["key_none"]) }
        let before = try await read(connection)
        #expect(try await ask(["key_7"]) == 2)
        #expect(try await read(connection) - before < 20)
        #expect(try await ask(nil) == 2)
      }
    }
  }

  @Test(
    "A late page is read without the rows before it, also with a generic plan")
  func page() async throws {
    try await seeded { pool in
      try await pool.withTransaction { connection in
        try await connection.executeScript("SET LOCAL plan_cache_mode = force_generic_plan")
        _ = try await connection.execute(OrganisationStatements.setTenant, [.text("org_a")])
        let places = try await connection.execute(
          Statement(
            "test_place", "SELECT created_at FROM keymeter.api_keys WHERE key_id = 'org_a_key_2990'"))
        let place = try #require(places.rows.first).decode("created_at", as: PostgresTimestamp.self)
        let before = try await read(connection)
        let page = try await connection.execute(
          KeyStatements.keysPage,
          [
            .text("org_a"), .timestamptz(place), .text("org_a_key_2990"), .text(nil), .text(nil), .int8(200),
          ])
        #expect(page.rows.count == 10)
        #expect(try await read(connection) - before < 100)
      }
    }
  }

  @Test("Authentication reads the caller's rows only")
  func authentication() async throws {
    try await seeded { pool in
      try await pool.withTransaction { connection in
        let before = try await read(connection)
        let row = try await connection.row(
          of: KeyStatements.authenticate,
          [.byteaArray([Self.hashOfOne]), .text(nil), .bool(true), .bool(true)])
        #expect(try row.decode("key_id", as: String?.self) != nil)
        #expect(try await read(connection) - before < 40)
      }
    }
  }

  @Test(
    "A leaked secret is found by its hash alone, also with a generic plan",
    arguments: [
      LeakedKeyStatements.keyForHash, LeakedKeyStatements.formerSecret, LeakedKeyStatements.markReported,
    ])
  func leakedSecret(statement: Statement) async throws {
    try await seeded { pool in
      try await pool.withTransaction { connection in
        try await connection.executeScript("SET LOCAL plan_cache_mode = force_generic_plan")
        _ = try await connection.execute(OrganisationStatements.setTenant, [.text("org_a")])
        let before = try await read(connection)
        let found = try await connection.execute(
          statement, [.text("org_a"), .byteaArray([Self.hashOfOne])]
        ).rows.count
        #expect(found == 1, "\(statement.name)")
        #expect(try await read(connection) - before < 20, "\(statement.name)")
      }
    }
  }

  @Test(
    "Retention reads no more rows than the batch it deletes",
    arguments: [
      "purge_usage_events('24 hours', 10)", "purge_reservations('24 hours', 10)",
      "purge_idempotency_keys(10)",
    ])
  func retention(call: String) async throws {
    try await seeded { pool in
      try await pool.withTransaction { connection in
        try await connection.executeScript("SET LOCAL plan_cache_mode = force_generic_plan")
        for _ in 0..<8 {
          let before = try await read(connection)
          let purged = try await connection.execute(
            Statement("test_purge", "SELECT keymeter.\(call) AS purged"))
          #expect(try purged.rows.first?.decode("purged", as: Int32.self) == 10)
          #expect(try await read(connection) - before < 100)
        }
      }
    }
  }

  private func seeded(_ body: (ConnectionPool) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 1) { pool in
        try await pool.withConnection { try await $0.executeScript(Self.rows) }
      }
      try await database.withPool(maximumConnections: 1, as: .app, body)
    }
  }

  /// Table rows and index entries that this transaction has read.
  private func read(_ connection: Connection) async throws -> Int64 {
    let rows = try await connection.execute(Self.rowsRead).rows
    return try rows.first?.decode("rows", as: Int64.self) ?? 0
  }

  private static let rowsRead = Statement(
    "test_rows_read",
    """
    SELECT sum(pg_catalog.pg_stat_get_xact_tuples_returned(c.oid))::bigint AS rows
    FROM pg_catalog.pg_class AS c WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind IN ('r', 'i')
    """)

  /// SHA-256 of "abc", from FIPS 180-2.
  private static let hashOfOne: [UInt8] = [
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
  ]

  /// One organisation with many keys among others with few, analysed as autovacuum would.
  private static let rows = """
    INSERT INTO keymeter.organisations (organisation_id, provider_id, name)
    SELECT 'org_' || o, 'provider-' || o, 'Organisation'
    FROM (SELECT CASE n WHEN 1 THEN 'a' ELSE n::text END AS o FROM generate_series(1, 300) AS n) AS names;
    INSERT INTO keymeter.api_keys (
      organisation_id, key_id, friendly_name, root, environment, scopes, linkage_id, key_hint, created_at)
    SELECT organisation_id, organisation_id || '_key_' || n, 'Key', false, 'PRODUCTION', '{*}', 'unit_' || n,
      'sk_live_...0000', now() + n * interval '1 second'
    FROM keymeter.organisations, generate_series(1, CASE organisation_id WHEN 'org_a' THEN 3000 ELSE 10 END) AS n;
    INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id, valid_until)
    SELECT organisation_id, key_id, sha256(CASE key_id WHEN 'org_a_key_7' THEN 'abc' ELSE key_id END::bytea), 'p',
      now() + interval '1 hour'
    FROM keymeter.api_keys;
    INSERT INTO keymeter.former_secrets (organisation_id, key_id, secret_hash, superseded_at)
    SELECT organisation_id, key_id, secret_hash, now() FROM keymeter.api_key_secrets;
    INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, used_requests, day, day_requests)
    SELECT 'org_a', 'key_' || n, \(ReportingSeed.thisMonth), 2, \(ReportingSeed.today), 1
    FROM generate_series(1, 3000) AS n;
    INSERT INTO keymeter.usage_daily (organisation_id, key_id, day, requests, tokens, stt_secs)
    SELECT 'org_a', 'key_' || n, \(ReportingSeed.today) - 1, 1, 0, 0 FROM generate_series(1, 3000) AS n;
    INSERT INTO keymeter.usage_events (
      organisation_id, event_id, key_id, requests, tokens, stt_secs, over_limit, recorded_at)
    SELECT 'org_a', 'event_' || n, 'key_1', 1, 0, 0, false, now() - interval '50 hours'
    FROM generate_series(1, 3000) AS n;
    INSERT INTO keymeter.reservations (
      organisation_id, reservation_id, key_id, day, requests, tokens, stt_secs, reserved_at, expires_at, on_expiry,
      state, closed_at, settled_requests, settled_tokens, settled_stt_secs, over_limit)
    SELECT 'org_a', 'rsv_' || n, 'key_1', \(ReportingSeed.today), 1, 0, 0, now() - interval '51 hours',
      now() - interval '50 hours', 'release', 'settled', now() - interval '50 hours', 1, 0, 0, false
    FROM generate_series(1, 3000) AS n;
    INSERT INTO keymeter.idempotency_keys (organisation_id, key_id, name_hash, salt, sealed_answer, expires_at)
    SELECT 'org_a', 'key_1', sha256(('name ' || n)::bytea), sha256('salt'), sha256('sealed'), now() - interval '1 hour'
    FROM generate_series(1, 3000) AS n;
    ANALYZE;
    """
}
