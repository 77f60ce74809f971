import AsyncHTTPClient
import KeymeterOps
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("Idempotency-Key on two nodes", .timeLimit(.minutes(2)))
struct IdempotencyTests {
  @Test("Of 32 requests at once one makes a key; whoever is told anything else is told to wait")
  func create() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let body = try await race(nodes) { node, client in
        try await node.post("api-key", root, #"{"friendly_name":"Racer"}"#, named: "race", via: client)
      }
      #expect(try await keys(database) == 2)
      let child = try root.child(body)
      #expect(try await nodes[1].verify(child).status == 200, "the secret that was replayed works")
    }
  }

  @Test("Of 32 requests at once in the Scrubbe dialect one makes a key, and one rotates it")
  func scrubbe() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let made = try await race(nodes) { node, client in
        try await node.scrubbe(
          .POST, "/createapikey", root,
          body: #"{"name":"Racer","environment":"PRODUCTION","scopes":["*"]}"#, named: "race", via: client)
      }
      #expect(try await keys(database) == 2)
      let child = try root.issued(made)
      for overlap in [600, 0] {
        let rotated = try await race(nodes) { node, client in
          try await node.scrubbe(
            .POST, "/\(child.keyID)/rotate", root, body: #"{"overlapSecs":\#(overlap)}"#,
            named: "rotate \(overlap)", via: client)
        }
        #expect(try await nodes[1].verify(root.issued(rotated)).status == 200, "the replayed secret works")
        #expect(try await nodes[0].verify(child).status == (overlap == 0 ? 401 : 200))
      }
      let log = try await send(
        .GET, nodes[0].baseURL + "/api/v1/audit?target=\(child.keyID)", headers: root.bareHeaders)
      #expect((log.json["data"] as? [Any])?.count == 3)
    }
  }

  @Test("A key that rotated itself gets a lost answer from the other node, by its old value, in the overlap")
  func lostAnswer() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      @Sendable func rotate(_ node: Node, _ overlap: Int, by account: Account) async throws -> Reply {
        try await node.scrubbe(
          .POST, "/\(root.keyID)/rotate", account, body: #"{"overlapSecs":\#(overlap)}"#,
          named: "r\(overlap)")
      }
      let lost = try await rotate(nodes[0], 600, by: root)
      let again = try await rotate(nodes[1], 600, by: root)
      #expect(again.status == 200 && again.body == lost.body)
      #expect(again.header("Idempotency-Replayed") == "true")
      let renewed = try root.issued(again)
      let shut = try await rotate(nodes[1], 600, by: renewed)
      #expect(shut.status == 422 && shut.text("code") == "idempotency_answer_unreadable")
      let last = try await rotate(nodes[0], 0, by: renewed)
      #expect(try await rotate(nodes[1], 0, by: renewed).status == 401)
      #expect(try await rotate(nodes[1], 600, by: root).status == 401)
      #expect(try await nodes[1].verify(root.issued(last)).status == 200)
    }
  }

  @Test("Of 32 requests at once one is charged", arguments: ["reserve", "record"])
  func charge(call: String) async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, #""usage_limit":100"#)
      for round in 1...3 {
        _ = try await race(nodes) { node, client in
          try await node.post(
            "usage/\(call)", child, #"{"requests":7}"#, named: "\"race \(round)\"", via: client)
        }
        let counters = try await Counters.read(child.keyID, at: database.url)
        #expect(counters.used.requests == Int64(7 * round))
      }
    }
  }

  @Test("What one node answered the other gives again, headers included")
  func anotherNode() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, #""usage_limit":100"#)
      let body = #"{"requests":7}"#
      let first = try await nodes[0].post("usage/reserve", child, body, named: "r")
      let again = try await nodes[1].post("usage/reserve", child, body, named: "r")
      #expect(again.status == 201 && again.body == first.body)
      #expect(again.header("Idempotency-Replayed") == "true")
      for name in ["RateLimit", "RateLimit-Policy", "X-Keymeter-Key-Id", "Content-Type", "Cache-Control"] {
        #expect(again.header(name) == first.header(name) && first.header(name) != nil, "\(name)")
      }
      let other = try await nodes[1].post("usage/reserve", child, #"{"requests":8}"#, named: "r")
      #expect(other.status == 422 && other.text("code") == "idempotency_key_reused")
      #expect(try await nodes[1].post("usage/reserve", child, body, named: "").status == 400)
    }
  }

  /// Sends one request 32 times at once, and holds the answers to be one answer, or that it is not there yet.
  private func race(
    _ nodes: [Node], _ request: @escaping @Sendable (Node, HTTPClient) async throws -> Reply
  ) async throws -> Reply {
    let replies = try await withClient(connections: 32) { client in
      try await concurrently(32) { number in
        try await request(nodes[number % 2], client)
      }
    }
    let done = replies.filter { $0.status < 300 }
    #expect(done.count { $0.header("Idempotency-Replayed") == nil } == 1)
    #expect(Set(done.map(\.body)).count == 1)
    for reply in replies where reply.status >= 300 {
      #expect(reply.status == 409 && reply.text("code") == "idempotency_key_in_flight", "\(reply)")
      #expect(reply.header("Retry-After") == "1")
    }
    return try #require(done.first)
  }

  private func keys(_ database: TestDatabase) async throws -> Int {
    let count = Statement("test_keys", "SELECT count(*) AS keys FROM keymeter.api_keys")
    return try await database.withPool { pool in
      try await pool.withConnection { try await $0.execute(count).rows[0].decode("keys", as: Int.self) }
    }
  }
}
