import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Verification over HTTP, as a gateway calls it", .timeLimit(.minutes(10)))
struct VerifyCallsTests {
  @Test("Either dialect's credentials verify, and body and headers carry the same facts")
  func bothCredentials() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(
        of: root, #""usage_limit":10,"scopes":["a:read","b:*"],"environment":"STAGING""#)
      for (used, headers) in [(1, child.headers), (2, child.bareHeaders)] {
        let reply = try await send(.GET, node.baseURL + "/api/v1/verify", headers: headers)
        #expect(reply.status == 200)
        #expect(reply.json["valid"] as? Bool == true)
        #expect(reply.text("key_id") == child.keyID)
        #expect(reply.json["scopes"] as? [String] == ["a:read", "b:*"])
        #expect(reply.limit("requests", "used") == used)
        #expect(reply.limit("requests", "remaining") == 10 - used)
        #expect(reply.header("X-Keymeter-Key-Id") == child.keyID)
        #expect(reply.header("X-Keymeter-Organisation-Id") == reply.text("organisation_id"))
        #expect(reply.header("X-Keymeter-Environment") == "STAGING")
        #expect(reply.header("X-Keymeter-Scopes") == "a:read b:*")
        #expect(reply.header("RateLimit")?.hasPrefix(#""requests";r=\#(10 - used);t="#) == true)
        #expect(reply.header("X-Request-Id")?.isEmpty == false)
      }
    }
  }

  @Test("Every method verifies and charges, with and without a body")
  func anyMethod() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let methods: [HTTPMethod] = [
        .GET, .HEAD, .POST, .PUT, .DELETE, .PATCH, .OPTIONS, .RAW(value: "PROPFIND"),
      ]
      for method in methods {
        let body = [.POST, .PUT, .PATCH].contains(method) ? "not JSON" : nil
        let reply = try await send(
          method, node.baseURL + "/api/v1/verify/orders/7", headers: root.headers, body: body)
        #expect(reply.status == 200, "\(method)")
        #expect(reply.header("X-Keymeter-Key-Id") == root.keyID, "\(method)")
        #expect(reply.body.isEmpty == (method == .HEAD), "\(method)")
      }
      let used = try await Counters.read(root.keyID, at: database.url).used
      #expect(used == Amounts(requests: Int64(methods.count)))
    }
  }

  @Test("With a gateway's path appended, only the gateway's headers set requirements and charges")
  func gatewayHeaders() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(of: root, #""scopes":["orders:read"],"usage_limit":10"#)
      let url = node.baseURL + "/api/v1/verify/orders?requests=99&scope=admin:all&misspelt=1"
      let cases: [([(String, String)], Int)] = [
        ([], 200),
        ([("X-Keymeter-Require-Scope", "orders:read orders:write")], 403),
        ([("X-Keymeter-Require-Environment", "DEVELOPMENT")], 403),
        ([("X-Keymeter-Charge", "requests=2, tokens=30, stt_secs=4")], 200),
        // A header that a client adds can only raise the charge.
        ([("X-Keymeter-Charge", "requests=5"), ("X-Keymeter-Charge", "requests=0, tokens=0")], 200),
        ([("X-Keymeter-Charge", "requests=3")], 429),
      ]
      for (headers, status) in cases {
        #expect(try await send(.GET, url, headers: child.headers + headers).status == status, "\(headers)")
      }
      let used = try await Counters.read(child.keyID, at: database.url).used
      #expect(used == Amounts(requests: 1 + 2 + 5, tokens: 30, speechSeconds: 4))
    }
  }
}
