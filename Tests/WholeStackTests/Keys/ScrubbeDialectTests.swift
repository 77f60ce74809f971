import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("The Scrubbe dialect over HTTP and PostgreSQL", .timeLimit(.minutes(10)))
struct ScrubbeDialectTests {
  @Test("The five calls of the published reference work, and each change applies on every node")
  func fiveCalls() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let created = try await nodes[0].scrubbe(
        .POST, "/createapikey", root,
        body: """
          {
            "name": "Production Alert Integration",
            "environment": "PRODUCTION",
            "scopes": ["incidents:read", "incidents:write"],
            "expiresAt": "2099-12-31T23:59:59Z"
          }
          """)
      #expect(created.status == 201)
      #expect(created.data("expiresAt") == "2099-12-31T23:59:59Z")
      let key = try root.issued(created)
      #expect(key.key.hasPrefix("sk_live_"))
      #expect(try await nodes[1].verify(key).status == 200)

      let listed = try await nodes[1].scrubbe(.GET, "/apikeys", root)
      #expect(listed.body.contains(key.keyID) && !listed.body.contains(key.key))
      #expect(try await nodes[1].allPages(1, root) == [root.keyID, key.keyID])

      let rotated = try root.issued(try await nodes[0].scrubbe(.POST, "/\(key.keyID)/rotate", root))
      #expect(rotated.keyID == key.keyID && rotated.key != key.key)
      #expect(try await nodes[1].verify(key).status == 401)
      #expect(try await nodes[1].verify(rotated).status == 200)

      let revoked = try await nodes[0].scrubbe(.POST, "/\(key.keyID)/revoke", root)
      #expect(revoked.status == 200 && revoked.data("status") == "REVOKED")
      let rejected = try await nodes[1].verify(rotated)
      #expect(rejected.status == 401 && rejected.header("X-Keymeter-Reason") == "revoked")
      #expect(try await nodes[1].page("?status=REVOKED", root).ids == [key.keyID])

      #expect(try await nodes[0].scrubbe(.DELETE, "/\(key.keyID)", root).status == 200)
      #expect(try await nodes[1].scrubbe(.DELETE, "/\(key.keyID)", root).status == 404)
      #expect(try await nodes[1].allPages(50, root) == [root.keyID])
      #expect(try await Counters.read(key.keyID, at: database.url).daily.requests == 2, "the usage is kept")
    }
  }

  @Test("A rotation's overlap ends on time, and another rotation ends the oldest secret at once")
  func overlap() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let first = try await node.issue(by: root)
      func rotate(_ seconds: Int) async throws -> Account {
        let body = #"{"overlapSecs":\#(seconds)}"#
        return try root.issued(try await node.scrubbe(.POST, "/\(first.keyID)/rotate", root, body: body))
      }
      let second = try await rotate(600)
      #expect(try await node.verify(first).status == 200)
      let begun = ContinuousClock.now
      let third = try await rotate(2)
      #expect(try await node.verify(first).status == 401)
      _ = try await eventually("the overlap to end") {
        try await node.verify(second).status == 401 ? true : nil
      }
      #expect(ContinuousClock.now - begun >= .seconds(2))
      #expect(try await node.verify(third).status == 200)
    }
  }
}
