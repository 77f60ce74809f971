import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Keys that may be used from some addresses only", .timeLimit(.minutes(2)))
struct AllowedAddressTests {
  private let inside = "127.0.0.1"
  private let outside = "127.0.0.2"

  private func withNode(proxies: String?, _ body: (Node, Account) async throws -> Void) async throws {
    var environment: [String: String] = [:]
    environment["KEYMETER_TRUSTED_PROXIES"] = proxies
    try await Node.with(environment: environment) { node, database in
      try await body(node, try await Node.organisation("clinic", on: database))
    }
  }

  private func verify(
    _ node: Node, _ account: Account, from address: String, forwardedFor client: String? = nil
  ) async throws -> Reply {
    let headers = account.headers + (client.map { [("X-Forwarded-For", $0)] } ?? [])
    return try await send(.GET, node.baseURL + "/api/v1/verify", headers: headers, from: address)
  }

  @Test("From there they are let through by every call, from elsewhere by none")
  func direct() async throws {
    try await withNode(proxies: "none") { node, root in
      let child = try await node.child(of: root, #""allowed_cidrs":["127.0.0.1"]"#)
      #expect(try await verify(node, child, from: inside).status == 200)
      let refused = try await verify(node, child, from: outside)
      #expect(refused.status == 403)
      #expect(refused.text("code") == "address_not_allowed")
      #expect(refused.header("X-Keymeter-Reason") == "address_not_allowed")
      #expect(try await verify(node, child, from: outside, forwardedFor: inside).status == 403)
      let calls: [(HTTPMethod, String, String?, Int)] = [
        (.POST, "usage/reserve", #"{"requests":1}"#, 201), (.POST, "usage/record", #"{"requests":1}"#, 200),
        (.GET, "usage", nil, 200), (.GET, "api-key", nil, 200),
      ]
      for (method, path, body, status) in calls {
        for (address, expected) in [(outside, 403), (inside, status)] {
          let reply = try await send(
            method, "\(node.baseURL)/api/v1/\(path)",
            headers: child.headers + [("Content-Type", "application/json")], body: body,
            from: address)
          #expect(reply.status == expected, "\(path) from \(address)")
        }
      }
      #expect(try await node.verify(child).text("key_id") == child.keyID)
      let other = try await node.child(of: root)
      for address in [inside, outside] { #expect(try await verify(node, other, from: address).status == 200) }
    }
  }

  @Test("A narrowed list holds from the moment that it is answered, and an audit entry names it")
  func narrowed() async throws {
    try await withNode(proxies: nil) { node, root in
      let child = try await node.child(of: root)
      #expect(try await verify(node, child, from: outside).status == 200)
      let body = #"{"id":"\#(child.keyID)","allowed_cidrs":["127.0.0.1/32","::1"]}"#
      let updated = try await node.apiKey(.PUT, root, body: body)
      #expect(updated.status == 200)
      #expect(updated.json["allowed_cidrs"] as? [String] == ["127.0.0.1/32", "::1/128"])
      #expect(try await verify(node, child, from: outside).status == 403)
      #expect(try await verify(node, child, from: inside).status == 200)
      let log = try await send(
        .GET, node.baseURL + "/api/v1/audit?action=key.updated", headers: root.headers, from: inside)
      #expect(
        log.body.contains(#""allowed_cidrs":{"old":null,"new":["127.0.0.1/32","::1/128"]}"#), "\(log.body)")
    }
  }

  @Test("Through a trusted proxy it is the client's address that counts, through any other the proxy's own")
  func forwarded() async throws {
    try await withNode(proxies: "127.0.0.2, 10.0.0.0/8") { node, root in
      let child = try await node.child(of: root, #""allowed_cidrs":["192.0.2.0/24","2001:db8::/32"]"#)
      let proxy = "127.0.0.2"
      for (client, status) in [
        ("192.0.2.9", 200), ("2001:db8::1", 200), ("198.51.100.1, 192.0.2.9, 10.0.0.1", 200),
        ("192.0.2.9, 198.51.100.1", 403), ("192.0.2.9, nonsense", 403),
      ] {
        #expect(
          try await verify(node, child, from: proxy, forwardedFor: client).status == status, "\(client)")
      }
      #expect(try await verify(node, child, from: proxy).status == 403)
      #expect(try await verify(node, child, from: inside, forwardedFor: "192.0.2.9").status == 403)
    }
  }

  @Test("Many at once, by one gateway for clients here and there: each is judged by its own address")
  func manyAtOnce() async throws {
    try await withNode(proxies: "127.0.0.0/8") { node, root in
      let child = try await node.child(of: root, #""allowed_cidrs":["192.0.2.0/24"],"usage_limit":1000"#)
      let statuses = try await withClient(connections: 32) { client in
        try await concurrently(400) { number in
          let address = number.isMultiple(of: 2) ? "192.0.2.\(number % 200)" : "198.51.100.\(number % 200)"
          let reply = try await send(
            .GET, node.baseURL + "/api/v1/verify", headers: child.headers + [("X-Forwarded-For", address)],
            via: client)
          return (number.isMultiple(of: 2), reply.status)
        }
      }
      #expect(statuses.allSatisfy { $0.1 == ($0.0 ? 200 : 403) })
      let usage = try await send(
        .GET, node.baseURL + "/api/v1/usage", headers: child.headers + [("X-Forwarded-For", "192.0.2.1")])
      let limits = usage.json["limits"] as? [String: [String: Any]]
      #expect(limits?["requests"]?["used"] as? Int == 200)
    }
  }
}
