import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("The Scrubs dialect, over HTTP and PostgreSQL", .timeLimit(.minutes(2)))
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

  @Test("Of 32 creations that race for one linkage exactly one is answered 201, the others 409")
  func linkageRace() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let statuses = try await withThrowingTaskGroup(of: Reply.self) { group in
        for number in 0..<32 {
          group.addTask {
            try await node.apiKey(
              .POST, root, body: #"{"friendly_name":"Racer \#(number)","linkage_id":"the one"}"#)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.filter { $0.status == 201 }.count == 1)
      let conflicts = statuses.filter { $0.status == 409 }
      #expect(conflicts.count == 31)
      #expect(conflicts.allSatisfy { $0.text("title") == "A conflicting managed key already exists." })
      let listed = try await node.apiKey(.GET, root, query: "?list_all=true")
      #expect(listed.json.count == 2)
    }
  }

  @Test("A key that one node deletes is dead on another node once that is answered")
  func deletionIsImmediateEverywhere() async throws {
    try await Node.with { first, database in
      let second = try await Node.start(databaseURL: database.url)
      let root = try await Node.organisation("clinic", on: database)
      for _ in 0..<20 {
        let child = try root.child(
          try await first.apiKey(.POST, root, body: #"{"friendly_name":"Short-lived"}"#))
        #expect(try await second.apiKey(.GET, child).status == 200)
        #expect(try await first.apiKey(.DELETE, root, query: "?id=\(child.keyID)").status == 200)
        #expect(try await second.apiKey(.GET, child).status == 401)
      }
      await second.process.discard()
    }
  }

  @Test("Another tenant's key and id are as unknown as any other")
  func tenantsAreApart() async throws {
    try await Node.with { node, database in
      let one = try await Node.organisation("one", on: database)
      let other = try await Node.organisation("other", on: database)
      let stranger = Account(provider: other.provider, key: one.key, keyID: one.keyID)
      #expect(try await node.apiKey(.GET, stranger).status == 401)
      let update = try await node.apiKey(.PUT, one, body: #"{"id":"\#(other.keyID)","usage_limit":1}"#)
      #expect(update.status == 404)
      #expect(try await node.apiKey(.DELETE, one, query: "?id=\(other.keyID)").status == 404)
      #expect(try await node.apiKey(.GET, other).json["usage_limit"] is Int == false)
    }
  }

  @Test("A fault in the database is a bare 500, in the words of the operation, and in full in the log")
  func databaseFault() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await database.withPool { pool in
        try await pool.withConnection {
          try await $0.executeScript("ALTER TABLE keymeter.audit_log RENAME TO elsewhere")
        }
      }
      let created = try await node.apiKey(.POST, root, body: #"{"friendly_name":"Unlucky"}"#)
      #expect(created.status == 500)
      #expect(created.text("title") == "API key creation failed.")
      #expect(!created.body.contains("audit_log"))
      try await database.withPool { pool in
        try await pool.withConnection {
          try await $0.executeScript("ALTER TABLE keymeter.api_keys RENAME TO nowhere")
        }
      }
      let read = try await node.apiKey(.GET, root)
      #expect(read.status == 500)
      #expect(read.text("title") == "Unexpected server failure.")
      #expect(!read.body.contains("api_keys"))
      #expect(try node.process.log.contains("audit_log"))
    }
  }
}
