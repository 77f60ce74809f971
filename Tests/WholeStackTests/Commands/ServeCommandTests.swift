import KeymeterTesting
import NIOHTTP1
import Subprocess
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("keymeter serve", .timeLimit(.minutes(10)))
struct ServeCommandTests {
  @Test("A missing or bad setting ends the start with one clear line and exit code 78")
  func badSetting() async throws {
    let valid = ["DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers]
    for (name, value) in [
      ("DATABASE_URL", nil), ("DATABASE_URL", "postgresql://["), ("DATABASE_URL_FILE", "/nowhere"),
      ("KEYMETER_PEPPERS", nil), ("KEYMETER_PEPPERS", "no-colon"), ("KEYMETER_PEPPERS", "p1:c2hvcnQ="),
      ("KEYMETER_PORT", "no"), ("KEYMETER_LOG_LEVEL", "loud"), ("KEYMETER_DRAIN_SECONDS", "-1"),
      ("KEYMETER_DRAIN_SECONDS", "soon"), ("KEYMETER_DRAIN_SECONDS", "3601"),
      ("KEYMETER_GITHUB_SECRET_SCANNING_KEYS", "abc:AAAA"),
      ("KEYMETER_TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.1/24"), ("KEYMETER_AUTH_FAILURES_PER_MINUTE", "-1"),
    ] as [(String, String?)] {
      var environment = valid
      if name.hasSuffix("_FILE") { environment["DATABASE_URL"] = nil }
      environment[name] = value
      // Without --port, which would override the setting.
      let log = try await rejectedStart(environment, "keymeter: \(name) ", arguments: ["serve"])
      #expect(!log.contains("c2hvcnQ="), "a pepper is never printed")
    }
  }

  @Test("An outdated schema ends the start with one clear line and exit code 78")
  func outdatedSchema() async throws {
    let database = try await TestDatabase.empty()
    let log = try await rejectedStart(["DATABASE_URL": database.url, "KEYMETER_PEPPERS": Node.peppers])
    #expect(log.contains("keymeter migrate"))
    await database.drop()
  }

  @Test("SIGTERM lets the request in progress finish, then the server exits with 0")
  func gracefulShutdown() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await database.withPool { pool in
        let lock = "LOCK TABLE keymeter.audit_log IN EXCLUSIVE MODE"
        let reply = try await CounterLock.hold(lock, on: pool) { end in
          async let reply = node.apiKey(.POST, root, body: #"{"friendly_name":"In progress"}"#)
          try await CounterLock.waiters(1, on: pool)
          node.process.signal(SIGTERM)
          // A server that does not wait for the request would exit now.
          try await Task.sleep(for: .milliseconds(200))
          try await end()
          return try await reply
        }
        #expect(reply.status == 201)
      }
      #expect(try await node.process.ended() == .exited(0))
    }
  }
}
