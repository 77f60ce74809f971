import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("The Scrubs dialect over HTTP and PostgreSQL", .timeLimit(.minutes(10)))
struct ScrubsDialectTests {
  @Test("The four calls of the published reference work as printed there")
  func fourCalls() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)

      let own = try await node.apiKey(.GET, root)
      #expect(own.status == 200)
      #expect(own.text("id") == root.keyID)
      #expect(own.json["root"] as? Bool == true)

      let created = try await node.apiKey(
        .POST, root,
        body: """
          {
            "friendly_name": "Production EHR Integration",
            "usage_limit": 100,
            "monthly_token_limit": 5000000,
            "monthly_stt_secs_limit": 7200
          }
          """)
      #expect(created.status == 201)
      #expect(created.json["usage_limit"] as? Int == 100)
      let child = try root.child(created)
      #expect(child.key.hasPrefix("sk_live_"))

      let updated = try await node.apiKey(
        .PUT, root,
        body: """
          {
            "id": "\(child.keyID)",
            "friendly_name": "Production EHR Integration",
            "usage_limit": 1500,
            "monthly_token_limit": 8000000,
            "monthly_stt_secs_limit": 14400
          }
          """)
      #expect(updated.status == 200)
      #expect(updated.json["usage_limit"] as? Int == 1500)
      #expect(try await node.apiKey(.GET, child).json["monthly_stt_secs_limit"] as? Int == 14400)

      let listed = try await node.apiKey(.GET, root, query: "?list_all=true")
      #expect(Set(listed.json.keys) == [root.keyID, child.keyID])

      let deleted = try await node.apiKey(.DELETE, root, query: "?id=\(child.keyID)")
      #expect(deleted.status == 200)
      #expect(deleted.body == #"{"message":"API key deleted successfully"}"#)
      #expect(try await node.apiKey(.GET, child).status == 401)
    }
  }

  @Test("Of 32 concurrent creations with one linkage id exactly one gets 201, and the others get 409")
  func linkageRace() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let replies = try await concurrently(32) { number in
        try await node.apiKey(
          .POST, root, body: #"{"friendly_name":"Racer \#(number)","linkage_id":"the one"}"#)
      }
      #expect(replies.count { $0.status == 201 } == 1)
      #expect(replies.count { $0.status == 409 } == 31)
      #expect(try await node.apiKey(.GET, root, query: "?list_all=true").json.count == 2)
    }
  }

  @Test("A key that one node deleted is rejected by every other node")
  func deletionIsImmediateEverywhere() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      for _ in 0..<20 {
        let child = try await nodes[0].child(of: root)
        #expect(try await nodes[1].apiKey(.GET, child).status == 200)
        #expect(try await nodes[0].apiKey(.DELETE, root, query: "?id=\(child.keyID)").status == 200)
        #expect(try await nodes[1].apiKey(.GET, child).status == 401)
      }
    }
  }

  @Test("An unexpected database error is a bare 500 in the response, and complete in the log")
  func databaseFault() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      for (table, method, title) in [
        ("audit_log", HTTPMethod.POST, "API key creation failed."),
        ("api_keys", .GET, "Unexpected server failure."),
      ] {
        try await database.run("ALTER TABLE keymeter.\(table) RENAME TO \(table)_moved")
        let reply = try await node.apiKey(
          method, root, body: method == .POST ? #"{"friendly_name":"Unlucky"}"# : nil)
        #expect(reply.status == 500)
        #expect(reply.text("title") == title)
        #expect(!reply.body.contains(table))
      }
      #expect(try node.process.log.contains("audit_log"))
    }
  }
}
