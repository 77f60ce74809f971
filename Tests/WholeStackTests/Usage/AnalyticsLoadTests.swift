import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("Questions about usage that PostgreSQL doesn't get on with", .timeLimit(.minutes(3)))
struct AnalyticsLoadTests {
  /// More than a node has connections.
  private static let questions = 12
  private static let year = #"{"start_date":"2026-01-01","end_date":"2026-12-31"}"#

  @Test("Take two of a node's eight connections: keys are read and issued meanwhile, and then there is room")
  func neighbours() async throws {
    try await Node.with(count: 1) { nodes, database in
      let node = nodes[0]
      let root = try await Node.organisation("large", on: database)
      let second = try await Node.organisation("larger", on: database)
      let other = try await Node.organisation("other", on: database)
      try await database.withPool { pool in
        let statuses = try await withClient(connections: Self.questions) { client in
          try await CounterLock.hold(Self.lock, on: pool) { end in
            try await withThrowingTaskGroup(of: Int.self) { group in
              for number in 0..<Self.questions {
                let asker = number % 2 == 0 ? root : second
                group.addTask { try await node.post("usage-analytics", asker, Self.year, via: client).status }
              }
              _ = try await eventually("the questions to come") {
                let connections = try await node.scrape()["keymeter_connections"]
                return connections > Double(Self.questions) ? true : nil
              }
              try await Self.untilTwoWait(on: pool)
              for _ in 0..<20 {
                #expect(try await node.apiKey(.GET, other).status == 200)
                _ = try await node.child(of: other)
                #expect(try await Self.asking(on: pool) <= 2)
              }
              try await end()
              return try await group.reduce(into: []) { $0.append($1) }
            }
          }
        }
        // A statement that waits for longer than 5 s is ended.
        #expect(statuses.count == Self.questions && Set(statuses).isSubset(of: [200, 503]))
        #expect(try await node.post("usage-analytics", root, Self.year).status == 200)
      }
    }
  }

  @Test("Clients that went away before they were answered leave room for others")
  func goneAway() async throws {
    try await Node.with(count: 1) { nodes, database in
      let node = nodes[0]
      let root = try await Node.organisation("large", on: database)
      let second = try await Node.organisation("larger", on: database)
      try await database.withPool { pool in
        try await CounterLock.hold(Self.lock, on: pool) { end in
          var clients: [RawConnection] = []
          for asker in [root, second, root, second] {
            let client = try await RawConnection.open(port: node.port)
            clients.append(client)
            try await client.send(
              """
              POST /api/v1/usage-analytics HTTP/1.1\r\nHost: keymeter\r\nX-API-Key: \(asker.key)\r\n\
              Content-Type: application/json\r\nContent-Length: \(Self.year.utf8.count)\r\n\r\n\(Self.year)
              """)
          }
          try await Self.untilTwoWait(on: pool)
          for client in clients { await client.close() }
          try await end()
        }
        let answered = try await node.post("usage-analytics", root, Self.year)
        #expect(answered.status == 200)
      }
    }
  }

  /// As what takes a month of usage away would (docs/reporting.md).
  private static let lock = "LOCK TABLE keymeter.usage_daily IN ACCESS EXCLUSIVE MODE"

  private static func untilTwoWait(on pool: ConnectionPool) async throws {
    _ = try await eventually("two of the questions to be asked") {
      try await asking(on: pool) >= 2 ? true : nil
    }
  }

  /// How many statements of such questions are under way.
  private static func asking(on pool: ConnectionPool) async throws -> Int {
    try await pool.withConnection { try await $0.execute(underWay).rows.count }
  }

  private static let underWay = Statement(
    "test_questions",
    """
    SELECT pid FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()
      AND query LIKE '%usage_analytics%'
    """)
}
