import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("The rate limit on failed authentications", .timeLimit(.minutes(10)))
struct FailedAuthenticationTests {
  private let bystander = "127.0.0.1"
  private let attacker = "127.0.0.2"
  /// A key that was never issued.
  private let wrong: [(String, String)]

  init() {
    var random = RandomSource.system
    wrong = [("X-API-Key", KeySecret(environment: .production, random: &random).revealed)]
  }

  /// Runs `body` with a server that allows two failures a minute, so one more only every 30 s.
  private func withNode(
    proxies: String?, _ body: (Node, Account) async throws -> Void
  ) async throws {
    var environment = ["KEYMETER_AUTH_FAILURES_PER_MINUTE": "2"]
    environment["KEYMETER_TRUSTED_PROXIES"] = proxies
    try await Node.with(environment: environment) { node, database in
      try await body(node, try await Node.organisation("clinic", on: database))
    }
  }

  private func call(
    _ path: String, _ node: Node, _ headers: [(String, String)], from address: String
  ) async throws -> Reply {
    try await send(.GET, node.baseURL + path, headers: headers, from: address)
  }

  private func manage(
    _ node: Node, _ headers: [(String, String)], from address: String
  ) async throws -> Reply {
    try await call("/api/v1/apikey/apikeys", node, headers, from: address)
  }

  private func verify(
    _ node: Node, _ headers: [(String, String)], from address: String
  ) async throws -> Reply {
    try await call("/api/v1/verify", node, headers, from: address)
  }

  /// Fails until the limit rejects a request.
  ///
  /// On a slow machine the limiter may allow a further failure.
  private func exhaust(_ request: () async throws -> Reply) async throws -> Reply {
    for _ in 0..<20 {
      let reply = try await request()
      if reply.status == 429 { return reply }
      #expect(reply.status == 401)
    }
    throw TestFailure("twenty failures are not limited")
  }

  @Test("Without the proxies setting, only management calls of the failing address are limited")
  func undeclared() async throws {
    try await withNode(proxies: nil) { node, root in
      let rejected = try await exhaust { try await manage(node, wrong, from: attacker) }
      #expect(rejected.text("code") == "too_many_failures")
      let seconds = try #require(rejected.header("Retry-After").flatMap { Int($0) })
      #expect((1...30).contains(seconds))
      #expect(try await manage(node, wrong, from: bystander).status == 401)
      #expect(try await manage(node, root.bareHeaders, from: bystander).status == 200)
      #expect(try await manage(node, root.bareHeaders, from: attacker).status == 200, "it has worked before")
      for _ in 0..<5 { #expect(try await verify(node, wrong, from: attacker).status == 401) }
    }
  }

  @Test("With proxies set to none, verifications are limited too, regardless of the client's headers")
  func direct() async throws {
    try await withNode(proxies: "none") { node, root in
      let number = Shared(0)
      let rejected = try await exhaust {
        number.increment()
        let forwarded = ("X-Forwarded-For", "192.0.2.\(number.value)")
        return try await verify(node, wrong + [forwarded], from: attacker)
      }
      #expect(rejected.header("X-Keymeter-Reason") == "too_many_failures")
      #expect(rejected.header("Retry-After") != nil)
      #expect(try await verify(node, wrong, from: bystander).status == 401)
      #expect(try await verify(node, root.bareHeaders, from: bystander).status == 200)
    }
  }

  @Test("Behind a trusted gateway each client has its own limit, and the gateway has none")
  func gateway() async throws {
    try await withNode(proxies: "127.0.0.2, ::1, 10.0.0.0/8") { node, root in
      func through(_ client: String, _ headers: [(String, String)]) async throws -> Reply {
        try await verify(node, headers + [("X-Forwarded-For", client)], from: attacker)
      }
      _ = try await exhaust { try await through("198.51.100.1, 192.0.2.1, 10.0.0.7", wrong) }
      let unproven = try await through("192.0.2.1", root.bareHeaders)
      #expect(unproven.status == 429, "this key has not worked here before")
      #expect(try await through("192.0.2.2", root.bareHeaders).status == 200)
      #expect(try await through("192.0.2.1", root.bareHeaders).status == 200)
      for _ in 0..<5 { #expect(try await verify(node, wrong, from: attacker).status == 401) }
    }
  }
}
