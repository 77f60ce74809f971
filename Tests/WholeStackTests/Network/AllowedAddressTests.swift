import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Keys bound to address ranges", .timeLimit(.minutes(10)))
struct AllowedAddressTests {
  private let inside = "127.0.0.1"
  private let outside = "127.0.0.2"

  private func verify(
    _ node: Node, _ account: Account, from address: String, forwardedFor client: String? = nil
  ) async throws -> Reply {
    let headers = account.headers + (client.map { [("X-Forwarded-For", $0)] } ?? [])
    return try await send(.GET, node.baseURL + "/api/v1/verify", headers: headers, from: address)
  }

  @Test("Without proxies the connection's address counts in every call, and a narrowed list applies at once")
  func direct() async throws {
    try await Node.with(environment: ["KEYMETER_TRUSTED_PROXIES": "none"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(of: root)
      #expect(try await verify(node, child, from: outside).status == 200)
      let updated = try await node.apiKey(
        .PUT, root, body: #"{"id":"\#(child.keyID)","allowed_cidrs":["\#(inside)/32","::1"]}"#)
      #expect(updated.json["allowed_cidrs"] as? [String] == ["127.0.0.1/32", "::1/128"])

      let rejected = try await verify(node, child, from: outside)
      #expect(rejected.status == 403 && rejected.text("code") == "address_not_allowed")
      #expect(rejected.header("X-Keymeter-Reason") == "address_not_allowed")
      #expect(try await verify(node, child, from: outside, forwardedFor: inside).status == 403)
      let calls: [(HTTPMethod, String, String?, Int)] = [
        (.GET, "verify", nil, 200), (.POST, "usage/reserve", #"{"requests":1}"#, 201),
        (.POST, "usage/record", #"{"requests":1}"#, 200), (.GET, "usage", nil, 200),
        (.GET, "api-key", nil, 200),
      ]
      for (method, path, body, status) in calls {
        for (address, expected) in [(outside, 403), (inside, status)] {
          let reply = try await send(
            method, "\(node.baseURL)/api/v1/\(path)",
            headers: child.headers + [("Content-Type", "application/json")], body: body, from: address)
          #expect(reply.status == expected, "\(path) from \(address)")
        }
      }
    }
  }

  @Test("Behind a trusted proxy the client's address counts, behind any other peer the peer's own")
  func forwarded() async throws {
    try await Node.with(environment: ["KEYMETER_TRUSTED_PROXIES": "127.0.0.2, 10.0.0.0/8"]) {
      node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(of: root, #""allowed_cidrs":["192.0.2.0/24","2001:db8::/32"]"#)
      let proxy = "127.0.0.2"
      for (client, status) in [
        ("192.0.2.9", 200), ("2001:db8::1", 200), ("198.51.100.1, 192.0.2.9, 10.0.0.1", 200),
        ("192.0.2.9, 198.51.100.1", 403), ("192.0.2.9, nonsense", 403),
      ] {
        let reply = try await verify(node, child, from: proxy, forwardedFor: client)
        #expect(reply.status == status, "\(client)")
      }
      #expect(try await verify(node, child, from: proxy).status == 403)
      #expect(try await verify(node, child, from: inside, forwardedFor: "192.0.2.9").status == 403)
    }
  }
}
