import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("Analytics queries that PostgreSQL cannot finish", .timeLimit(.minutes(10)))
struct AnalyticsLoadTests {
  /// More than a node has connections.
  private static let queries = 12
  private static let year = #"{"start_date":"2026-01-01","end_date":"2026-12-31"}"#

  @Test(
    "They use two of a node's eight connections: keys are still read and issued, and the slots become free")
  func neighbours() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("large", on: database)
      let second = try await Node.organisation("larger", on: database)
      let other = try await Node.organisation("other", on: database)
      try await database.withPool { pool in
        let statuses = try await withClient(connections: Self.queries) { client in
          try await CounterLock.hold(Self.lock, on: pool) { end in
            try await withThrowingTaskGroup(of: Int.self) { group in
              for number in 0..<Self.queries {
                let caller = number % 2 == 0 ? root : second
                group.addTask {
                  try await node.post("usage-analytics", caller, Self.year, via: client).status
                }
              }
              _ = try await eventually("the queries to arrive") {
                try await node.scrape()["keymeter_connections"] > Double(Self.queries) ? true : nil
              }
              try await Self.untilTwoRun(on: pool)
              for _ in 0..<5 {
                #expect(try await node.apiKey(.GET, other).status == 200)
                _ = try await node.child(of: other)
                #expect(try await Self.running(on: pool) <= 2)
              }
              try await end()
              return try await group.reduce(into: []) { $0.append($1) }
            }
          }
        }
        // A statement that runs longer than 5 s is cancelled.
        #expect(statuses.count == Self.queries && Set(statuses).isSubset(of: [200, 503]))
        #expect(try await node.post("usage-analytics", root, Self.year).status == 200)
      }
    }
  }

  @Test("A client that disconnects while its query runs frees the slot")
  func disconnected() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("large", on: database)
      let second = try await Node.organisation("larger", on: database)
      try await database.withPool { pool in
        try await CounterLock.hold(Self.lock, on: pool) { end in
          var clients: [RawConnection] = []
          for caller in [root, second, root, second] {
            let client = try await RawConnection.open(port: node.port)
            clients.append(client)
            try await client.send(
              """
              POST /api/v1/usage-analytics HTTP/1.1\r\nHost: keymeter\r\nX-API-Key: \(caller.key)\r\n\
              Content-Type: application/json\r\nContent-Length: \(Self.year.utf8.count)\r\n\r\n\(Self.year)
              """)
          }
          try await Self.untilTwoRun(on: pool)
          for client in clients { await client.close() }
          try await end()
        }
        #expect(try await node.post("usage-analytics", root, Self.year).status == 200)
      }
    }
  }

  /// The lock of an operator who drops a month of usage (docs/reporting.md).
  private static let lock = "LOCK TABLE keymeter.usage_daily IN ACCESS EXCLUSIVE MODE"

  private static func untilTwoRun(on pool: ConnectionPool) async throws {
    _ = try await eventually("two of the queries to run") { try await running(on: pool) >= 2 ? true : nil }
  }

  /// How many analytics queries run.
  private static func running(on pool: ConnectionPool) async throws -> Int {
    try await pool.withConnection { try await $0.execute(active).rows.count }
  }

  private static let active = Statement(
    "test_queries",
    """
    SELECT pid FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()
      AND query LIKE '%usage_analytics%'
    """)
}
