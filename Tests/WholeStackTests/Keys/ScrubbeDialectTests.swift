import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

/// Each row of the published reference's summary, and what it says of the row's effect.
@Suite("The Scrubbe dialect, over HTTP and PostgreSQL", .timeLimit(.minutes(2)))
struct ScrubbeDialectTests {
  @Test("Create issues a new key; its value is shown once")
  func create() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let created = try await node.scrubbe(
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
      #expect(try await send(.GET, node.baseURL + "/api/v1/verify", headers: key.bareHeaders).status == 200)
      #expect(try await node.verify(key).status == 200)
      for reply in [
        try await node.scrubbe(.GET, "/apikeys", root),
        try await node.apiKey(.GET, root, query: "?list_all=true"),
      ] {
        #expect(reply.body.contains(key.keyID) && !reply.body.contains(key.key))
      }
    }
  }

  @Test("List returns metadata, never values, by status at the database's clock")
  func list() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(of: root)
      let revoked = try await node.issue(by: root)
      #expect(try await node.scrubbe(.POST, "/\(revoked.keyID)/revoke", root).status == 200)
      let expired = try await node.issue(by: root)
      try await database.withPool { pool in
        try await pool.withConnection {
          try await $0.executeScript(
            "UPDATE keymeter.api_keys SET expires_at = now() WHERE key_id = '\(expired.keyID)'")
        }
      }
      #expect(try await node.page("?status=ACTIVE", root).ids == [root.keyID, child.keyID])
      #expect(try await node.page("?status=REVOKED", root).ids == [revoked.keyID])
      #expect(try await node.page("?status=EXPIRED", root).ids == [expired.keyID])
      let listed = try await node.scrubbe(.GET, "/apikeys", root).json["data"] as? [[String: Any]] ?? []
      #expect(listed.count == 4)
      for key in listed {
        for member in ["id", "name", "environment", "scopes", "status"] { #expect(key[member] != nil) }
        #expect(key["key"] == nil && key["rawKey"] == nil)
      }
      for key in [revoked, expired] { #expect(try await node.scrubbe(.GET, "/apikeys", key).status == 401) }
      #expect(try await node.allPages(1, root).count == 4)
    }
  }

  @Test("Rotate invalidates the old value, on every node, and issues a new one under the same id")
  func rotate() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = try await nodes[0].issue(by: root, #""usageLimit":3"#)
      #expect(try await nodes[0].verify(key).status == 200)
      let rotated = try root.issued(try await nodes[0].scrubbe(.POST, "/\(key.keyID)/rotate", root))
      #expect(rotated.keyID == key.keyID && rotated.key != key.key)
      #expect(try await nodes[1].verify(key).status == 401)
      #expect(try await nodes[1].apiKey(.GET, key).status == 401)
      #expect(try await nodes[1].verify(rotated).limit("requests", "remaining") == 1)
    }
  }

  @Test("An overlap ends by itself; while it lasts another rotation ends the oldest value")
  func overlap() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let first = try await node.issue(by: root, scopes: #"["apikeys:read"]"#)
      @Sendable func rotate(_ seconds: Int) async throws -> Account {
        try root.issued(
          try await node.scrubbe(
            .POST, "/\(first.keyID)/rotate", root, body: #"{"overlapSecs":\#(seconds)}"#))
      }
      let second = try await rotate(600)
      #expect(try await node.verify(first).status == 200)
      #expect(try await node.scrubbe(.GET, "/apikeys", first).status == 200)
      let begun = ContinuousClock.now
      let third = try await rotate(2)
      #expect(try await node.verify(first).status == 401)
      #expect(try await node.verify(second).status == 200)
      _ = try await eventually("the overlap to end") {
        try await node.verify(second).status == 401 ? true : nil
      }
      #expect(ContinuousClock.now - begun >= .seconds(2))
      #expect(try await node.scrubbe(.GET, "/apikeys", second).status == 401)
      #expect(try await node.verify(third).status == 200)
    }
  }

  @Test("Revoke disables a key, on every node, and preserves its record")
  func revoke() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = try await nodes[0].issue(by: root)
      #expect(try await nodes[1].verify(key).status == 200)
      let revoked = try await nodes[0].scrubbe(.POST, "/\(key.keyID)/revoke", root)
      #expect(revoked.status == 200 && revoked.data("status") == "REVOKED")
      let refused = try await nodes[1].verify(key)
      #expect(refused.status == 401 && refused.header("X-Keymeter-Reason") == "revoked")
      let again = try await nodes[1].scrubbe(.POST, "/\(key.keyID)/revoke", root)
      #expect(again.data("revokedAt") == revoked.data("revokedAt"))
      #expect(try await nodes[1].scrubbe(.POST, "/\(key.keyID)/rotate", root).status == 409)
      #expect(try await nodes[1].allPages(50, root).contains(key.keyID))
    }
  }

  @Test("Delete permanently removes key and record; usage and audit stay under the id")
  func delete() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = try await nodes[0].issue(by: root)
      #expect(try await nodes[1].verify(key).status == 200)
      #expect(try await nodes[0].scrubbe(.DELETE, "/\(key.keyID)", root).status == 200)
      #expect(try await nodes[1].verify(key).status == 401)
      #expect(try await nodes[1].allPages(50, root) == [root.keyID])
      #expect(try await nodes[1].scrubbe(.DELETE, "/\(key.keyID)", root).status == 404)
      #expect(try await Counters.read(key.keyID, at: database.url).daily.requests == 1)
      #expect(try await nodes[0].scrubbe(.DELETE, "/\(root.keyID)", root).status == 409)
      #expect(try await nodes[0].scrubbe(.POST, "/\(root.keyID)/revoke", root).status == 409)
    }
  }

  @Test("A key that is no root key manages within its scopes, and no further")
  func managers() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let manager = try await node.issue(
        by: root, scopes: #"["apikeys:*","incidents:*"]"#, #""usageLimit":5"#)
      let child = try await node.issue(by: manager, scopes: #"["incidents:read"]"#, #""usageLimit":5"#)
      #expect(try await node.verify(child, "?scope=incidents:read").status == 200)
      #expect(try await node.scrubbe(.GET, "/apikeys", child).status == 403)
      let refused = try await node.scrubbe(
        .POST, "/createapikey", manager,
        body: #"{"name":"T","environment":"PRODUCTION","scopes":["*"],"usageLimit":5}"#)
      #expect(refused.status == 403 && refused.text("code") == "beyond_own_authority")
      #expect(try await node.scrubbe(.POST, "/\(root.keyID)/rotate", manager).status == 403)
      #expect(try await node.scrubbe(.POST, "/\(child.keyID)/rotate", manager).status == 200)
      #expect(try await node.scrubbe(.DELETE, "/\(child.keyID)", manager).status == 200)
    }
  }

  @Test("Without X-API-Key there is no caller, and every error is in the envelope")
  func errors() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let base = node.baseURL + "/api/v1/apikey"
      let replies = [
        (try await send(.GET, base + "/apikeys?X-API-Key=\(root.key)"), 401),
        (try await send(.GET, base + "/apikeys", headers: root.headers), 401),
        (try await node.scrubbe(.POST, "/createapikey", root, body: "{"), 400),
        (try await node.scrubbe(.GET, "/apikeys?cursor=1", root), 400),
        (try await node.scrubbe(.POST, "/key_none/revoke", root), 404),
        (try await node.scrubbe(.GET, "/nothing/here", root), 404),
        (try await node.scrubbe(.PATCH, "/apikeys", root), 405),
      ]
      for (reply, status) in replies {
        #expect(reply.status == status)
        #expect(reply.json["success"] as? Bool == false && reply.json["errors"] is [Any])
        #expect(reply.text("requestId") == reply.header("X-Request-Id"))
        #expect(!reply.body.contains(root.key))
      }
    }
  }
}
