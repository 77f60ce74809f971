import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Failed authentications from one address", .timeLimit(.minutes(2)))
struct FailedAuthenticationTests {
  private let bystander = "127.0.0.1"
  private let attacker = "127.0.0.2"

  /// A server that allows three failures a minute.
  private func withNode(
    proxies: String?, _ body: (Node, Account) async throws -> Void
  ) async throws {
    var environment = ["KEYMETER_AUTH_FAILURES_PER_MINUTE": "3"]
    environment["KEYMETER_TRUSTED_PROXIES"] = proxies
    try await Node.with(environment: environment) { node, database in
      try await body(node, try await Node.organisation("clinic", on: database))
    }
  }

  /// A key that was never issued.
  private let wrong: [(String, String)]

  init() {
    var random = RandomSource.system
    wrong = [("X-API-Key", KeySecret(environment: .production, random: &random).revealed)]
  }

  private func manage(
    _ node: Node, _ headers: [(String, String)], from address: String
  ) async throws -> Reply {
    try await send(
      .GET, node.baseURL + "/api/v1/apikey/apikeys", headers: headers, from: address)
  }

  private func verify(
    _ node: Node, _ headers: [(String, String)], from address: String
  ) async throws -> Reply {
    try await send(.GET, node.baseURL + "/api/v1/verify", headers: headers, from: address)
  }

  @Test("Without any setting of proxies, who manages with wrong keys must wait, and nobody else")
  func undeclared() async throws {
    try await withNode(proxies: nil) { node, root in
      for _ in 0..<3 { #expect(try await manage(node, wrong, from: attacker).status == 401) }
      let refused = try await manage(node, wrong, from: attacker)
      #expect(refused.status == 429)
      #expect(refused.text("code") == "too_many_failures")
      let seconds = try #require(refused.header("Retry-After").flatMap { Int($0) })
      #expect((1...20).contains(seconds))
      #expect(try await manage(node, wrong, from: bystander).status == 401)
      #expect(try await manage(node, root.bareHeaders, from: bystander).status == 200)
      #expect(try await manage(node, root.bareHeaders, from: attacker).status == 200, "it has worked before")
      for _ in 0..<10 { #expect(try await verify(node, wrong, from: attacker).status == 401) }
      let forwarded = wrong + [("X-Forwarded-For", "192.0.2.1")]
      #expect(try await manage(node, forwarded, from: attacker).status == 401)
      #expect(try node.process.log.contains("set KEYMETER_TRUSTED_PROXIES"))
    }
  }

  @Test("With no proxies at all, verifications are limited too, whatever the client says of itself")
  func direct() async throws {
    try await withNode(proxies: "none") { node, root in
      for number in 0..<3 {
        let headers = wrong + [("X-Forwarded-For", "192.0.2.\(number)")]
        #expect(try await verify(node, headers, from: attacker).status == 401)
      }
      let refused = try await verify(node, wrong, from: attacker)
      #expect(refused.status == 429)
      #expect(refused.header("X-Keymeter-Reason") == "too_many_failures")
      #expect(refused.header("Retry-After") != nil)
      #expect(try await verify(node, wrong, from: bystander).status == 401)
      #expect(try await verify(node, root.bareHeaders, from: bystander).status == 200)
    }
  }

  @Test("Behind a trusted gateway each of its clients has its own limit, and the gateway has none")
  func gateway() async throws {
    try await withNode(proxies: "127.0.0.2, ::1, 10.0.0.0/8") { node, root in
      let through = { (client: String, headers: [(String, String)]) async throws -> Int in
        try await verify(node, headers + [("X-Forwarded-For", client)], from: attacker).status
      }
      for _ in 0..<3 { #expect(try await through("198.51.100.1, 192.0.2.1", wrong) == 401) }
      // A `try` beside those within macros, by which alone the compiler would not know that this closure throws.
      let refused = try await through("198.51.100.2, 192.0.2.1, 10.0.0.7", wrong)
      #expect(refused == 429)
      #expect(try await through("192.0.2.1", root.bareHeaders) == 429, "it has not worked here before")
      #expect(try await through("192.0.2.2", root.bareHeaders) == 200)
      #expect(try await through("192.0.2.1", root.bareHeaders) == 200)
      for _ in 0..<10 { #expect(try await verify(node, wrong, from: attacker).status == 401) }
    }
  }

  @Test("0 switches it off")
  func off() async throws {
    let environment = ["KEYMETER_AUTH_FAILURES_PER_MINUTE": "0", "KEYMETER_TRUSTED_PROXIES": "none"]
    try await Node.with(environment: environment) { node, _ in
      for _ in 0..<100 {
        let reply = try await verify(node, wrong, from: attacker)
        #expect(reply.status == 401)
      }
    }
  }
}
