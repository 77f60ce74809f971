import Foundation
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Verification over HTTP, as a gateway calls it", .timeLimit(.minutes(2)))
struct VerifyCallsTests {
  @Test("Either dialect's credentials verify, and the answer tells body and headers the same facts")
  func bothHeaderStyles() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(
        of: root, #""usage_limit":10,"scopes":["a:read","b:*"],"environment":"STAGING""#)
      for (used, headers) in [(1, child.headers), (2, child.bareHeaders)] {
        let reply = try await send(.GET, nodes[0].baseURL + "/api/v1/verify", headers: headers)
        #expect(reply.status == 200)
        #expect(reply.json["valid"] as? Bool == true)
        #expect(reply.text("key_id") == child.keyID)
        #expect(reply.text("environment") == "STAGING")
        #expect(reply.json["scopes"] as? [String] == ["a:read", "b:*"])
        #expect(reply.limit("requests", "limit") == 10)
        #expect(reply.limit("requests", "used") == used)
        #expect(reply.limit("requests", "remaining") == 10 - used)
        #expect(reply.limit("tokens", "limit") == nil && reply.limit("tokens", "used") == 0)
        #expect(reply.limit("stt_secs", "used") == 0)
        #expect(reply.text("resets_at")?.hasSuffix("-01T00:00:00Z") == true)
        #expect(reply.header("X-Keymeter-Key-Id") == child.keyID)
        #expect(reply.header("X-Keymeter-Organisation-Id") == reply.text("organisation_id"))
        #expect(reply.header("X-Keymeter-Environment") == "STAGING")
        #expect(reply.header("X-Keymeter-Scopes") == "a:read b:*")
        #expect(reply.header("Cache-Control") == "no-store")
        #expect(reply.header("RateLimit-Policy")?.hasPrefix(#""requests";q=10;w="#) == true)
        #expect(reply.header("RateLimit")?.hasPrefix(#""requests";r=\#(10 - used);t="#) == true)
        #expect(reply.header("X-Request-Id")?.isEmpty == false)
      }
    }
  }

  @Test(
    "Any method verifies and charges, with or without a body",
    arguments: [HTTPMethod.GET, .HEAD, .POST, .PUT, .DELETE, .PATCH, .OPTIONS, .RAW(value: "PROPFIND")])
  func anyMethod(method: HTTPMethod) async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      for path in ["/api/v1/verify", "/api/v1/verify/", "/api/v1/verify/orders/7"] {
        let body = [.POST, .PUT, .PATCH].contains(method) ? "not JSON" : nil
        let reply = try await send(method, nodes[0].baseURL + path, headers: root.headers, body: body)
        #expect(reply.status == 200)
        #expect(reply.header("X-Keymeter-Key-Id") == root.keyID)
        #expect(reply.body.isEmpty == (method == .HEAD))
      }
      #expect(try await Counters.read(root.keyID, at: database.url).used == Amounts(requests: 3))
    }
  }

  @Test("With a gateway's path appended, only the gateway's headers say what is required and charged")
  func gatewayHeaders() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, #""scopes":["orders:read"]"#)
      let url = nodes[0].baseURL + "/api/v1/verify/orders?requests=99&scope=admin:all&misspelt=1"
      func call(_ headers: [(String, String)]) async throws -> Int {
        try await send(.GET, url, headers: child.headers + headers).status
      }
      #expect(try await call([]) == 200)
      #expect(try await call([("X-Keymeter-Require-Scope", "orders:read")]) == 200)
      #expect(try await call([("X-Keymeter-Require-Scope", "orders:read orders:write")]) == 403)
      #expect(try await call([("X-Keymeter-Require-Environment", "DEVELOPMENT")]) == 403)
      #expect(try await call([("X-Keymeter-Charge", "requests=2, tokens=30, stt_secs=4")]) == 200)
      // A client that smuggles a header in makes its own call dearer, never cheaper.
      #expect(
        try await call([("X-Keymeter-Charge", "requests=5"), ("X-Keymeter-Charge", "requests=0, tokens=0")])
          == 200)
      #expect(try await call([("X-Keymeter-Charge", "requests=0")]) == 200)
      #expect(try await call([("X-Keymeter-Charge", "token=1")]) == 400)
      #expect(
        try await Counters.read(child.keyID, at: database.url).used
          == Amounts(requests: 1 + 1 + 2 + 5 + 1, tokens: 30, speechSeconds: 4))
    }
  }

  @Test("Whatever is not 200 names its reason and charges nothing")
  func refusals() async throws {
    try await Node.with(count: 1) { nodes, database in
      let node = nodes[0]
      let root = try await Node.organisation("clinic", on: database)
      let other = try await Node.organisation("other", on: database)
      let child = try await node.child(of: root, #""scopes":["orders:*"],"usage_limit":5"#)
      let gone = try await node.child(of: root)
      #expect(try await node.apiKey(.DELETE, root, query: "?id=\(gone.keyID)").status == 200)
      let wrong = child.key.dropLast() + (child.key.hasSuffix("0") ? "1" : "0")

      let cases: [(headers: [(String, String)], query: String, status: Int, reason: String?)] = [
        ([], "", 401, "credentials_missing"),
        ([("X-API-Key", String(wrong))], "", 401, "unknown_key"),
        (child.headers + child.bareHeaders, "", 401, "credentials_missing"),
        (gone.bareHeaders, "", 401, "unknown_key"),
        (Account(provider: "other", key: child.key, keyID: "").headers, "", 401, "unknown_key"),
        (Account(provider: "nobody", key: child.key, keyID: "").headers, "", 401, "unknown_provider"),
        ([], "?api_key=\(child.key)", 401, "credentials_missing"),
        (child.bareHeaders, "?scopes=orders:read", 400, nil),
        (child.bareHeaders, "?requests=1&requests=1", 400, nil),
        (child.bareHeaders, "?requests=-1", 400, nil),
        (child.bareHeaders, "?requests=9007199254740992", 400, nil),
        (child.bareHeaders, "?scope=orders:read&scope=admin:read", 403, "scope_missing"),
        (child.bareHeaders, "?environment=STAGING", 403, "environment_mismatch"),
        (child.bareHeaders, "?requests=6", 429, "over_limit"),
        (child.bareHeaders, "?requests=6&deny_status=403", 403, "over_limit"),
      ]
      for (headers, query, status, reason) in cases {
        let reply = try await send(.GET, node.baseURL + "/api/v1/verify" + query, headers: headers)
        #expect(reply.status == status, "\(query): \(reply.body)")
        #expect(reply.header("X-Keymeter-Reason") == reason, "\(query)")
        #expect(reply.header("Content-Type") == "application/problem+json")
        #expect(reply.header("X-Keymeter-Key-Id") == nil)
      }
      for account in [root, other, child, gone] {
        #expect(try await Counters.read(account.keyID, at: database.url).used == .zero)
      }
      #expect(try await node.verify(child, "?scope=orders:read&environment=PRODUCTION").status == 200)
    }
  }

  @Test("Over a limit the answer says which, how much and until when")
  func overLimit() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, #""usage_limit":3,"monthly_token_limit":100"#)
      #expect(try await nodes[0].verify(child, "?tokens=90").status == 200)
      let reply = try await nodes[0].verify(child, "?tokens=11")
      #expect(reply.status == 429)
      #expect(reply.text("type") == "https://iana.org/assignments/http-problem-types#quota-exceeded")
      #expect(reply.json["violated-policies"] as? [String] == ["tokens"])
      #expect(reply.text("dimension") == "tokens")
      #expect(reply.json["limit"] as? Int == 100 && reply.json["used"] as? Int == 90)
      #expect(reply.json["asked"] as? Int == 11)
      #expect(reply.text("resets_at")?.hasSuffix("-01T00:00:00Z") == true)
      let seconds = try #require(reply.header("Retry-After").flatMap { Int($0) })
      #expect((1...(31 * 86_400)).contains(seconds))
      #expect(reply.header("RateLimit")?.contains(#""tokens";r=10;t="#) == true)
      #expect(reply.header("RateLimit-Policy")?.contains(#"qu="tokens""#) == true)
      #expect(try await nodes[0].verify(child, "?tokens=10").status == 200)
    }
  }

  @Test("A limit of null admits without end, a limit of 0 admits nothing, an amount of 0 charges nothing")
  func extremes() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let none = try await nodes[0].child(of: root, #""usage_limit":0"#)
      #expect(try await nodes[0].verify(none).status == 429)
      #expect(try await nodes[0].verify(none, "?requests=0").status == 200)
      let open = try await nodes[0].verify(root, "?tokens=9007199254740991")
      #expect(open.status == 200)
      #expect(open.header("RateLimit") == nil && open.header("RateLimit-Policy") == nil)
      #expect(open.limit("requests", "remaining") == nil)
      #expect(try await Counters.read(none.keyID, at: database.url).used == .zero)
    }
  }
}
