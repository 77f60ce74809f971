import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Uses a database where each month's usage is slow to sum up.
@Suite("The deadline of an analytics query", .timeLimit(.minutes(10)))
struct AnalyticsTimeTests {
  private static let organisation = OrganisationID(rawValue: "org_large")

  @Test("One deadline covers all statements of a query, and its connection is free afterwards")
  func oneTime() async throws {
    try await Self.with(each: "pg_catalog.pg_sleep(0.3)") { pool, _ in
      let store = PostgresTenantStore(
        pool: pool, analytics: AnalyticsQueue(longest: .seconds(2)))
      // 36 statements of 0.3 s each.
      let years = try Self.question("2024-01-01", "2026-12-31")
      await #expect(throws: StoreError.self) { try await Self.ask(years, store) }
      #expect(pool.statistics.leased == 0)
      try await Self.expectFree(pool)
      // One statement.
      let month = try Self.question("2026-11-01", "2026-11-30")
      try await Self.untilAnswered(month, store)
    }
  }

  @Test("A statement that waits for a lock past the deadline is cancelled in PostgreSQL too")
  func locked() async throws {
    try await Self.with(each: "pg_catalog.pg_advisory_xact_lock(7)") { pool, superuser in
      let store = PostgresTenantStore(
        pool: pool, analytics: AnalyticsQueue(longest: .seconds(1)))
      let month = try Self.question("2026-11-01", "2026-11-30")
      try await superuser.withConnection { connection in
        try await connection.executeScript("SELECT pg_advisory_lock(7)")
        await #expect(throws: StoreError.self) { try await Self.ask(month, store) }
        #expect(pool.statistics.leased == 0)
        let asking = try await connection.execute(Self.asking).rows.count
        #expect(asking == 0)
        try await connection.executeScript("SELECT pg_advisory_unlock(7)")
      }
      try await Self.untilAnswered(month, store)
    }
  }

  @Test("A cancelled query releases its slot and its connection")
  func calledOff() async throws {
    try await Self.with(each: "pg_catalog.pg_advisory_xact_lock(7)") { pool, superuser in
      let store = PostgresTenantStore(
        pool: pool, analytics: AnalyticsQueue(longest: .seconds(60)))
      let month = try Self.question("2026-11-01", "2026-11-30")
      try await superuser.withConnection { connection in
        try await connection.executeScript("SELECT pg_advisory_lock(7)")
        let question = Task { try await Self.ask(month, store) }
        while try await connection.execute(Self.asking).rows.isEmpty {
          try await Task.sleep(for: .milliseconds(5))
        }
        question.cancel()
        await #expect(throws: (any Error).self) { try await question.value }
        try await Self.expectFree(pool)
        try await connection.executeScript("SELECT pg_advisory_unlock(7)")
      }
      try await Self.ask(month, store)
    }
  }

  /// Runs `body` with two pools: one connection of the server, and one of the owner.
  ///
  /// Every analytics statement runs `work` first.
  private static func with(
    each work: String, _ body: (_ pool: ConnectionPool, _ owner: ConnectionPool) async throws -> Void
  ) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 1) { owner in
        try await owner.withConnection { connection in
          try await connection.executeScript(
            """
            CREATE OR REPLACE FUNCTION keymeter.usage_analytics(
              organisation text, keys text[], first_day date, last_day date)
            RETURNS TABLE (day date, requests numeric, tokens numeric, stt_secs numeric) LANGUAGE plpgsql
            AS $$ BEGIN PERFORM \(work); RETURN; END $$
            """)
        }
        let pool = ConnectionPool(
          // PostgreSQL's own statement timeout would not end any statement.
          configuration: try ConnectionConfiguration(
            url: database.url, statementTimeout: .seconds(600), role: DatabaseRole.app.rawValue),
          options: .init(maximumConnections: 1, waitLimit: .seconds(20)), logger: .silent)
        do {
          try await body(pool, owner)
        } catch {
          await pool.close()
          throw error
        }
        await pool.close()
      }
    }
  }

  private static func question(_ from: String, _ to: String) throws -> AnalyticsQuery {
    AnalyticsQuery(firstDay: try #require(CivilDate(from)), lastDay: try #require(CivilDate(to)), keys: nil)
  }

  private static func ask(_ question: AnalyticsQuery, _ store: PostgresTenantStore) async throws {
    _ = try await store.withAnalyticsTransaction(of: organisation) { transaction in
      try await transaction.setTenant(organisation)
      return try await transaction.dailyUsage(question)
    }
  }

  /// Retries until there is a result, because even a short query can exceed its deadline on a busy machine.
  private static func untilAnswered(
    _ question: AnalyticsQuery, _ store: PostgresTenantStore
  ) async throws {
    while true {
      do {
        return try await ask(question, store)
      } catch StoreError.unavailable {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
  }

  /// Expects the pool's only connection to be free and usable.
  private static func expectFree(_ pool: ConnectionPool) async throws {
    let rows = try await pool.withConnection { try await $0.execute(Statement("one", "SELECT 1")).rows }
    #expect(rows.count == 1)
  }

  private static let asking = Statement(
    "test_asking",
    """
    SELECT pid FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()
      AND query LIKE '%usage_analytics%'
    """)
}
