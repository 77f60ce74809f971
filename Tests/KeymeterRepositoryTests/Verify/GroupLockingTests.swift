import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Calls the group function directly, because which function a node calls depends on timing.
@Suite("Optimistic locking of groups", .timeLimit(.minutes(10)))
struct GroupLockingTests {
  @Test(
    "A group that waited for its counter does not charge by stale values: the last request is admitted once")
  func lastOne() async throws {
    try await Midnight.isFarEnough()
    try await RoleScene.with { scene in
      try await scene.connected(as: nil) { watcher in
        try await watcher.pool.withConnection { connection in
          try await connection.executeScript(
            """
            UPDATE keymeter.api_keys SET usage_limit = 2;
            UPDATE keymeter.usage_monthly SET day = \(ReportingSeed.today)
            """)
        }
        try await scene.connected(as: .server) { first in
          try await scene.connected(as: .server) { second in
            let charge = Self.charge(by: scene.home)
            let (ahead, waiting) = try await first.pool.withTransaction { connection in
              let ahead = try await Self.decisions(charge, on: connection)
              let waiting = Task {
                try await second.pool.withTransaction { try await Self.decisions(charge, on: $0) }
              }
              while try await watcher.rows(Self.waiters) == [] {
                try await Task.sleep(for: .milliseconds(10))
              }
              return (ahead, waiting)
            }
            #expect(ahead == ["admitted"])
            // Admitted by the stale values, and then taken back.
            #expect(try await waiting.value == ["admitted", "undecided"])
          }
        }
        let used = try await watcher.rows(
          "SELECT used_requests::text FROM keymeter.usage_monthly WHERE organisation_id = '\(scene.home)'")
        #expect(used == ["2"])
      }
    }
  }

  private static func charge(by organisation: String) -> Statement {
    Statement(
      "test_group_charge",
      """
      SELECT g.decision FROM keymeter.admit_groups(
        ARRAY[sha256('\(organisation)')], ARRAY[NULL]::text[], ARRAY[1], ARRAY[1]::bigint[], ARRAY[0]::bigint[],
        ARRAY[0]::bigint[], ARRAY[NULL]::text[], ARRAY[NULL]::text[], ARRAY[NULL]::inet[]) AS g
      """)
  }

  private static func decisions(_ charge: Statement, on connection: Connection) async throws -> [String] {
    try await connection.execute(charge).rows.map { try $0.decode("decision", as: String.self) }
  }

  private static let waiters = """
    SELECT pid::text FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%admit_groups%'
    """
}
