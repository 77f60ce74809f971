import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// On a database where a month's usage takes a while to be added up.
@Suite("The time of a question over years", .timeLimit(.minutes(1)))
struct AnalyticsTimeTests {
  private static let organisation = OrganisationID(rawValue: "org_large")

  @Test("Is one for all its statements, each of which has time enough; then its connection is free")
  func oneTime() async throws {
    try await Self.with(each: "pg_catalog.pg_sleep(0.3)") { pool, _ in
      let store = PostgresMeteringStore(
        pool: pool, questions: AnalyticsQueryLimiter(atOnce: 1, longest: .seconds(2)))
      // 36 statements, each of 0.3 s.
      let years = try Self.question("2024-01-01", "2026-12-31")
      await #expect(throws: StoreError.self) { try await Self.ask(years, store) }
      #expect(pool.statistics.leased == 0)
      try await Self.expectFree(pool)
      // One statement.
      let month = try Self.question("2026-11-01", "2026-11-30")
      try await Self.untilAnswered(month, store)
    }
  }

  @Test("Is over for a statement that waits for a lock, and PostgreSQL has ended it by then")
  func locked() async throws {
    try await Self.with(each: "pg_catalog.pg_advisory_xact_lock(7)") { pool, superuser in
      let store = PostgresMeteringStore(
        pool: pool, questions: AnalyticsQueryLimiter(atOnce: 1, longest: .seconds(1)))
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

  @Test("Is no more a question's that was called off: its place and its connection are free")
  func calledOff() async throws {
    try await Self.with(each: "pg_catalog.pg_advisory_xact_lock(7)") { pool, superuser in
      let store = PostgresMeteringStore(
        pool: pool, questions: AnalyticsQueryLimiter(atOnce: 1, longest: .seconds(60)))
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

  /// Runs `body` with a pool of one connection of the server's, on a database where `work` comes before each statement
  /// of a question, and with another as the owner.
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
          // By PostgreSQL's own limit no statement would end.
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

  private static func ask(_ question: AnalyticsQuery, _ store: PostgresMeteringStore) async throws {
    _ = try await store.withLongQuestion(of: organisation) {
      try await $0.dailyUsage(question, in: organisation)
    }
  }

  /// Asks until there is an answer: on a busy machine even a short question may take too long, though not always.
  private static func untilAnswered(
    _ question: AnalyticsQuery, _ store: PostgresMeteringStore
  ) async throws {
    while true {
      do {
        return try await ask(question, store)
      } catch StoreError.unavailable {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
  }

  /// The pool's only connection can be had, and works.
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
