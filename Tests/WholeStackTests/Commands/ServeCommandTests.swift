import KeymeterTesting
import NIOHTTP1
import Subprocess
import Postgres
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("keymeter serve", .timeLimit(.minutes(2)))
struct ServeCommandTests {
  @Test(
    "A missing or bad setting ends the start with one clear line and exit code 78",
    arguments: [
      ("DATABASE_URL", ["KEYMETER_PEPPERS": Node.peppers]),
      ("KEYMETER_PEPPERS", ["DATABASE_URL": "postgresql:///x"]),
      ("KEYMETER_PEPPERS", ["DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": "no-colon"]),
      ("KEYMETER_PEPPERS", ["DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": "p1:c2hvcnQ="]),
      (
        "KEYMETER_PORT",
        ["DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers, "KEYMETER_PORT": "no"]
      ),
      (
        "KEYMETER_LOG_LEVEL",
        ["DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers, "KEYMETER_LOG_LEVEL": "loud"]
      ),
      (
        "KEYMETER_GITHUB_SECRET_SCANNING_KEYS",
        [
          "DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers,
          "KEYMETER_GITHUB_SECRET_SCANNING_KEYS": "abc:AAAA",
        ]
      ),
      ("DATABASE_URL", ["DATABASE_URL": "postgresql://[", "KEYMETER_PEPPERS": Node.peppers]),
      (
        "KEYMETER_TRUSTED_PROXIES",
        [
          "DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers,
          "KEYMETER_TRUSTED_PROXIES": "10.0.0.0/8, 10.0.0.1/24",
        ]
      ),
      (
        "KEYMETER_AUTH_FAILURES_PER_MINUTE",
        [
          "DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers,
          "KEYMETER_AUTH_FAILURES_PER_MINUTE": "-1",
        ]
      ),
      ("DATABASE_URL_FILE", ["DATABASE_URL_FILE": "/nowhere", "KEYMETER_PEPPERS": Node.peppers]),
    ])
  func badSetting(name: String, environment: [String: String]) async throws {
    let process = try await ServerProcess.start(["serve"], environment: environment)
    let status = try await process.ended()
    let log = try process.log
    #expect(status == .exited(78))
    #expect(log.hasPrefix("keymeter: \(name) "))
    #expect(log.split(separator: "\n").count == 1)
    #expect(!log.contains("c2hvcnQ="), "a pepper is not repeated")
    await process.discard()
  }

  @Test("A schema that is behind ends the start with one clear line and exit code 78")
  func schemaBehind() async throws {
    let database = try await TestDatabase.empty()
    let process = try await ServerProcess.start(
      ["serve", "--port", "0"],
      environment: ["DATABASE_URL": database.url, "KEYMETER_PEPPERS": Node.peppers])
    #expect(try await process.ended() == .exited(78))
    #expect(try process.log.contains("run `keymeter migrate` first"))
    await process.discard()
    await database.drop()
  }

  @Test("SIGTERM lets the request under way finish, then ends with 0")
  func gracefulStop() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await database.withPool { pool in
        let reply = try await pool.withConnection { connection in
          // The table is locked, so the request waits inside its transaction until this one ends.
          try await connection.executeScript("BEGIN; LOCK TABLE keymeter.audit_log IN EXCLUSIVE MODE")
          async let reply = node.apiKey(.POST, root, body: #"{"friendly_name":"Under way"}"#)
          try await waitUntilSomebodyWaits(database)
          node.process.signal(SIGTERM)
          try await Task.sleep(for: .milliseconds(200))
          try await connection.executeScript("COMMIT")
          return try await reply
        }
        #expect(reply.status == 201)
      }
      #expect(try await node.process.ended() == .exited(0))
    }
  }

  private func waitUntilSomebodyWaits(_ database: TestDatabase) async throws {
    try await database.withPool { pool in
      _ = try await eventually("a request to wait for the lock") {
        try await pool.withConnection { connection in
          try await connection.execute(Self.waiters).rows.isEmpty ? nil : true
        }
      }
    }
  }

  private static let waiters = Statement(
    "test_waiters",
    """
    SELECT 1 AS found FROM pg_catalog.pg_locks AS l
    JOIN pg_catalog.pg_database AS d ON d.oid = l.database
    WHERE d.datname = current_database() AND NOT l.granted
    """)
}
