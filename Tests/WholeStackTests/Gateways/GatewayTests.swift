import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The configurations in `deploy/`, with the real programs before a real server.
@Suite("Gateways", .serialized, .timeLimit(.minutes(3)))
struct GatewayTests {
  /// A gateway, the node that it asks, and what it protects.
  private struct Scene: Sendable {
    let gateway: Gateway
    let node: Node
    let upstream: Upstream
    let database: TestDatabase
    let root: Account

    /// A key that may do what the shipped configurations require.
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

  /// What a client might write so that the upstream takes it for Keymeter's word, or Keymeter for the gateway's.
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
    "The upstream gets the request whole, with the key's ids and without the key",
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
      let told = request.head.headers.filter { Self.isKeymeters($0.name) }
      let facts = [
        "environment": "PRODUCTION", "key-id": key.keyID, "organisation-id": organisation,
        "scopes": "orders:read",
      ]
      #expect(told.count == facts.count)
      for (name, value) in facts { #expect(request.head.headers["X-Keymeter-\(name)"] == [value]) }
      for (name, value) in request.head.headers {
        #expect(!value.contains(key.key) && !value.contains("forged"), "\(name)")
      }
      #expect(request.head.headers["X-API-Key"].isEmpty)
      #expect(try await scene.used(key) == Amounts(requests: 1), "neither query nor headers are the client's")
    }
  }

  @Test(
    "What a client writes into Connection keeps nothing of Keymeter's from the upstream",
    arguments: Gateway.Kind.allCases)
  func connectionHeader(_ kind: Gateway.Kind) async throws {
    try await withScene(kind) { scene in
      let key = try await scene.key()
      let names = ["Key-Id", "Organisation-Id", "Environment", "Scopes"].map { "X-Keymeter-\($0)" }
      let connection = try await RawConnection.open(port: scene.gateway.port)
      try await connection.send(
        """
        GET /orders HTTP/1.1\r
        Host: x\r
        X-API-Key: \(key.key)\r
        Connection: close\r
        Connection: \(names.joined(separator: ", "))\r
        \r\n
        """)
      let answer = try await connection.untilClosed(within: .seconds(10))
      #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
      let request = try #require(scene.upstream.requests.first)
      for name in names { #expect(request.head.headers[name].count == 1, "\(name)") }
    }
  }

  @Test("A location of nginx that names no terms lets nobody through")
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

  @Test(
    "A location of nginx that a request goes on to is asked for by its own terms",
    arguments: [
      // What comes before nginx asks leaves the first location out; whatever comes later leaves it charged as well.
      (GatewaySetup.GoingOn.byTryFiles, Int64(1)), (.byIndex, 1), (.byErrorPage, 1), (.byRewrite, 0),
    ])
  func goesOn(_ location: GatewaySetup.GoingOn, chargedBefore: Int64) async throws {
    try await withScene(.nginx) { scene in
      let key = try await scene.node.issue(by: scene.root, scopes: #"["orders:read", "refunds:write"]"#)
      #expect(try await scene.gateway.request(key, .GET, location.rawValue).status == 200)
      #expect(scene.upstream.requests.map(\.head.uri) == ["/refunds"])
      #expect(try await scene.used(key) == Amounts(requests: chargedBefore + 7))

      let lesser = try await scene.key()
      let refusal = try await scene.gateway.request(lesser, .GET, location.rawValue)
      #expect(refusal.status == 403 && refusal.header("X-Keymeter-Reason") == "scope_missing")
      #expect(scene.upstream.requests.count == 1)
      #expect(try await scene.used(lesser) == Amounts(requests: chargedBefore))
    }
  }

  @Test("A location of nginx that names no terms is asked for by those of the one that went on to it")
  func inherits() async throws {
    try await withScene(.nginx) { scene in
      let path = GatewaySetup.GoingOn.withoutTerms.rawValue
      let key = try await scene.key()
      #expect(try await scene.gateway.request(key, .GET, path).status == 200)
      #expect(try await scene.used(key) == Amounts(requests: 2), "once by each location")
      let unlike = try await scene.node.issue(by: scene.root, scopes: #"["refunds:write"]"#)
      #expect(try await scene.gateway.request(unlike, .GET, path).status == 403)
      #expect(scene.upstream.requests.map(\.head.uri) == [GatewaySetup.withoutTerms])
    }
  }

  /// Whether an upstream might take it for a header of Keymeter; some servers can't tell `_` from `-`.
  private static func isKeymeters(_ name: String) -> Bool {
    name.lowercased().replacing("_", with: "-").hasPrefix("x-keymeter-")
  }

  @Test(
    "Whoever may not is told so by the right status, and never gets there", arguments: Gateway.Kind.allCases)
  func refuses(_ kind: Gateway.Kind) async throws {
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
        // Keys authenticate by their header alone, and what a client requires of itself does not count.
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
    "Of many at once as many get through as the limit allows, each charged once",
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
    "The client's address is the one that a key is bound to, whatever the client says",
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
        #expect(reply.status == status, "from \(address), as \(claim ?? "nobody")")
      }
      #expect(scene.upstream.requests.count == 2)
    }
  }

  @Test("Nobody gets through while Keymeter can't say, or is gone", arguments: Gateway.Kind.allCases)
  func failsClosed(_ kind: Gateway.Kind) async throws {
    try await TestDatabase.withMigrated { database in
      let root = try await Node.organisation("clinic", on: database)
      let node = try await Node.start(databaseURL: "postgresql://keymeter@127.0.0.1:1/none")
      do {
        try await Upstream.with { upstream in
          try await Gateway.with(kind, verifier: node.port, upstream: upstream.port) { gateway in
            #expect(try await gateway.request(root).status == 503, "its database can't be reached")
            #expect(try await gateway.request(nil).status == 401)
            await node.process.discard()
            for account in [root, nil] {
              let reply = try await gateway.request(account)
              #expect(reply.status == 503, "it is gone")
            }
            #expect(upstream.requests.isEmpty)
          }
        }
      } catch {
        await node.process.discard()
        throw error
      }
    }
  }
}
