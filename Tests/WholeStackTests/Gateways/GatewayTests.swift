import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

/// Runs the gateways with the configurations in `deploy/` in front of a real server.
@Suite("Gateways", .timeLimit(.minutes(10)))
struct GatewayTests {
  /// A gateway, the node that it asks, and the upstream behind it.
  private struct Scene: Sendable {
    let gateway: Gateway
    let node: Node
    let upstream: Upstream
    let database: TestDatabase
    let root: Account

    /// A key with the scope that the configurations require.
    func key(_ members: String = "") async throws -> Account {
      try await node.issue(by: root, scopes: #"["orders:read"]"#, members)
    }

    func used(_ account: Account) async throws -> Amounts {
      try await Counters.read(account.keyID, at: database.url).used
    }
  }

  private func withScene(_ kind: Gateway.Kind, _ body: (Scene) async throws -> Void) async throws {
    let environment = ["KEYMETER_TRUSTED_PROXIES": "127.0.0.1", "KEYMETER_AUTH_FAILURES_PER_MINUTE": "0"]
    try await Node.with(environment: environment) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await Upstream.with { upstream in
        try await Gateway.with(kind, verifier: node.port, upstream: upstream.port) { gateway in
          try await body(
            Scene(gateway: gateway, node: node, upstream: upstream, database: database, root: root))
        }
      }
    }
  }

  /// Headers by which a client might impersonate Keymeter to the upstream, or the gateway to Keymeter.
  private static let forged = [
    ("X-Keymeter-Key-Id", "key_forged"), ("x-keymeter-organisation-id", "org_forged"),
    ("X-Keymeter-Environment", "FORGED"), ("X-KEYMETER-SCOPES", "forged:*"),
    ("X-Keymeter-Reason", "forged"), ("X-Keymeter-Charge", "requests=50, tokens=7"),
    ("X-Keymeter-Require-Scope", "forged:read"), ("X-Keymeter-Require-Environment", "STAGING"),
    ("X_Keymeter_Key_Id", "key_forged"), ("X-Keymeter_Key-Id", "key_forged"),
    ("X_Keymeter-Organisation_Id", "org_forged"), ("X-Scrubs-Clinic-Provider", "forged"),
    ("X-Scrubs-Clinic-Api-Key", "forged"),
  ]

  @Test(
    "The upstream gets the complete request with the key's ids and without the key",
    arguments: Gateway.Kind.allCases)
  func letsThrough(_ kind: Gateway.Kind) async throws {
    try await withScene(kind) { scene in
      let key = try await scene.key()
      let path = "/orders/7?requests=40&tokens=3&scope=forged:read&environment=STAGING&nonsense"
      let reply = try await scene.gateway.request(
        key, .POST, path, headers: Self.forged + [("X-Own", "own")], body: "the body")
      #expect(reply.status == 200 && reply.body == "from the upstream")

      let request = try #require(scene.upstream.requests.first)
      #expect(scene.upstream.requests.count == 1)
      #expect(request.head.method == .POST && request.head.uri == path && request.body == "the body")
      #expect(request.head.headers["X-Own"] == ["own"])
      let organisation = try #require(try await scene.node.verify(scene.root).text("organisation_id"))
      let added = request.head.headers.filter { Self.isKeymeters($0.name) }
      let facts = [
        "environment": "PRODUCTION", "key-id": key.keyID, "organisation-id": organisation,
        "scopes": "orders:read",
      ]
      #expect(added.count == facts.count)
      for (name, value) in facts { #expect(request.head.headers["X-Keymeter-\(name)"] == [value]) }
      for (name, value) in request.head.headers {
        #expect(!value.contains(key.key) && !value.contains("forged"), "\(name)")
      }
      #expect(request.head.headers["X-API-Key"].isEmpty)
      #expect(
        try await scene.used(key) == Amounts(requests: 1), "the client's query and headers set no charge")
    }
  }

  @Test(
    "Nothing in a client's Connection header removes Keymeter's headers",
    arguments: Gateway.Kind.allCases)
  func connectionHeader(_ kind: Gateway.Kind) async throws {
    try await withScene(kind) { scene in
      let key = try await scene.key()
      let names = ["Key-Id", "Organisation-Id", "Environment", "Scopes"].map { "X-Keymeter-\($0)" }
      let answer = try await RawConnection.exchange(
        """
        GET /orders HTTP/1.1\r
        Host: x\r
        X-API-Key: \(key.key)\r
        Connection: close\r
        Connection: \(names.joined(separator: ", "))\r
        \r\n
        """, port: scene.gateway.port)
      #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
      let request = try #require(scene.upstream.requests.first)
      for name in names { #expect(request.head.headers[name].count == 1, "\(name)") }
    }
  }

  @Test("An nginx location without requirements admits no request")
  func noTerms() async throws {
    try await withScene(.nginx) { scene in
      let key = try await scene.key()
      #expect(try await scene.gateway.request(key, .GET, GatewaySetup.withoutTerms).status == 503)
      #expect(try await scene.gateway.request(nil, .GET, GatewaySetup.withoutTerms).status == 401)
      #expect(try await scene.gateway.request(key).status == 200)
      #expect(scene.upstream.requests.map(\.head.uri) == ["/orders"])
      #expect(try await scene.used(key) == Amounts(requests: 1))
    }
  }

  @Test("After an internal nginx redirect the target location's requirements apply")
  func redirect() async throws {
    try await withScene(.nginx) { scene in
      // nginx rewrites before it asks Keymeter. The other redirects come later, so the first location charges too.
      for (location, chargedBefore) in [
        (GatewaySetup.Redirect.byTryFiles, Int64(1)), (.byIndex, 1), (.byErrorPage, 1), (.byRewrite, 0),
      ] {
        let upstreamBefore = scene.upstream.requests.count
        let key = try await scene.node.issue(by: scene.root, scopes: #"["orders:read", "refunds:write"]"#)
        #expect(try await scene.gateway.request(key, .GET, location.rawValue).status == 200)
        #expect(scene.upstream.requests.dropFirst(upstreamBefore).map(\.head.uri) == ["/refunds"])
        #expect(try await scene.used(key) == Amounts(requests: chargedBefore + 7))

        let lesser = try await scene.key()
        let rejection = try await scene.gateway.request(lesser, .GET, location.rawValue)
        #expect(rejection.status == 403 && rejection.header("X-Keymeter-Reason") == "scope_missing")
        #expect(scene.upstream.requests.count == upstreamBefore + 1)
        #expect(try await scene.used(lesser) == Amounts(requests: chargedBefore))
      }
    }
  }

  @Test("After a redirect to an nginx location without requirements the first location's apply")
  func inherits() async throws {
    try await withScene(.nginx) { scene in
      let path = GatewaySetup.Redirect.withoutTerms.rawValue
      let key = try await scene.key()
      #expect(try await scene.gateway.request(key, .GET, path).status == 200)
      #expect(try await scene.used(key) == Amounts(requests: 2), "each location charges once")
      let other = try await scene.node.issue(by: scene.root, scopes: #"["refunds:write"]"#)
      #expect(try await scene.gateway.request(other, .GET, path).status == 403)
      #expect(scene.upstream.requests.map(\.head.uri) == [GatewaySetup.withoutTerms])
    }
  }

  /// Whether an upstream might read it as Keymeter's header.
  ///
  /// Some servers treat `_` like `-`.
  private static func isKeymeters(_ name: String) -> Bool {
    name.lowercased().replacing("_", with: "-").hasPrefix("x-keymeter-")
  }

  @Test(
    "A rejected request gets the right status and never reaches the upstream",
    arguments: Gateway.Kind.allCases)
  func rejects(_ kind: Gateway.Kind) async throws {
    try await withScene(kind) { scene in
      let key = try await scene.key()
      let unlike = try await scene.node.issue(by: scene.root, scopes: #"["invoices:*"]"#)
      let spent = try await scene.key(#""usageLimit":0"#)
      let malformed = Account(provider: "clinic", key: "sk_live_nonsense", keyID: "")
      let cases: [(Account?, Int, String, String)] = [
        (nil, 401, "credentials_missing", "authentication_failed"),
        (malformed, 401, "unknown_key", "authentication_failed"),
        (unlike, 403, "scope_missing", "scope_missing"), (spent, 429, "over_limit", "quota_exceeded"),
      ]
      for (account, status, reason, code) in cases {
        // Only a key in its header authenticates, and a client cannot replace the requirements.
        let reply = try await scene.gateway.request(
          account, .GET, "/orders?scope=invoices:read&api_key=\(key.key)",
          headers: [("X-Keymeter-Require-Scope", "invoices:read"), ("Cookie", "X-API-Key=\(key.key)")])
        #expect(reply.status == status)
        #expect(reply.header("X-Keymeter-Reason") == reason)
        #expect(reply.header("Content-Type") == "application/problem+json")
        #expect(reply.json["status"] as? Int == status)
        let direct = try await send(
          .GET, scene.node.baseURL + "/api/v1/verify?scope=orders:read", headers: account?.bareHeaders ?? [])
        for member in ["type", "title", "code"] { #expect(reply.text(member) == direct.text(member)) }
        #expect(reply.text("code") == code)
        #expect(reply.text("request_id") == reply.header("X-Request-Id"))
        #expect((reply.header("WWW-Authenticate") != nil) == (status == 401))
        let wait = reply.header("Retry-After").flatMap { Int($0) }
        #expect((wait ?? 0 > 0) == (status == 429))
        #expect((reply.header("RateLimit") != nil) == (status == 429))
      }
      #expect(scene.upstream.requests.isEmpty)
      for account in [unlike, spent] { #expect(try await scene.used(account) == .zero) }
    }
  }

  @Test(
    "Of concurrent requests exactly as many get through as the limit allows, each charged once",
    arguments: Gateway.Kind.allCases)
  func chargesOnce(_ kind: Gateway.Kind) async throws {
    try await withScene(kind) { scene in
      let key = try await scene.key(#""usageLimit":60"#)
      let statuses = try await withClient(connections: 16) { client in
        try await concurrently(100) { number in
          try await send(
            number.isMultiple(of: 2) ? .GET : .PUT, scene.gateway.url + "/orders/\(number)?requests=9",
            headers: key.bareHeaders, body: number.isMultiple(of: 2) ? nil : "body", via: client
          ).status
        }
      }
      #expect(statuses.filter { $0 == 200 }.count == 60 && statuses.filter { $0 == 429 }.count == 40)
      #expect(scene.upstream.requests.count == 60)
      #expect(try await scene.used(key) == Amounts(requests: 60))
    }
  }

  @Test(
    "A key's address ranges apply to the client's address, not to the one that it claims",
    arguments: Gateway.Kind.allCases)
  func passesTheAddress(_ kind: Gateway.Kind) async throws {
    try await withScene(kind) { scene in
      let key = try await scene.key(#""allowedCidrs":["127.0.0.2"]"#)
      for (address, claim, status) in [
        ("127.0.0.2", nil, 200), ("127.0.0.2", "127.0.0.3", 200), ("127.0.0.3", nil, 403),
        ("127.0.0.3", "127.0.0.2", 403),
      ] as [(String, String?, Int)] {
        let reply = try await scene.gateway.request(
          key, headers: claim.map { [("X-Forwarded-For", $0)] } ?? [], from: address)
        #expect(reply.status == status, "from \(address), claiming \(claim ?? "nothing")")
      }
      #expect(scene.upstream.requests.count == 2)
    }
  }

  @Test("No request gets through while Keymeter cannot answer or is gone", arguments: Gateway.Kind.allCases)
  func failsClosed(_ kind: Gateway.Kind) async throws {
    try await TestDatabase.withMigrated { database in
      let root = try await Node.organisation("clinic", on: database)
      try await Node.with(on: "postgresql://keymeter@127.0.0.1:1/none") { node in
        try await Upstream.with { upstream in
          try await Gateway.with(kind, verifier: node.port, upstream: upstream.port) { gateway in
            #expect(try await gateway.request(root).status == 503, "its database is unreachable")
            #expect(try await gateway.request(nil).status == 401)
            await node.process.discard()
            for account in [root, nil] {
              let reply = try await gateway.request(account)
              #expect(reply.status == 503, "it is gone")
            }
            #expect(upstream.requests.isEmpty)
          }
        }
      }
    }
  }
}
