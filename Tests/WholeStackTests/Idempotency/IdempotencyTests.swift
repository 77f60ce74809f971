import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("Idempotency-Key on two nodes", .timeLimit(.minutes(10)))
struct IdempotencyTests {
  @Test("Of 32 concurrent requests in either dialect one creates a key, and one rotates it")
  func create() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let scrubs = try root.child(
        try await race(nodes) { node, client in
          try await node.post("api-key", root, #"{"friendly_name":"Racer"}"#, named: "race", via: client)
        })
      let scrubbe = try root.issued(
        try await race(nodes) { node, client in
          try await node.scrubbe(
            .POST, "/createapikey", root,
            body: #"{"name":"Racer","environment":"PRODUCTION","scopes":["*"]}"#,
            named: "race too", via: client)
        })
      #expect(try await Set(nodes[0].allPages(50, root)) == [root.keyID, scrubs.keyID, scrubbe.keyID])
      for key in [scrubs, scrubbe] {
        #expect(try await nodes[1].verify(key).status == 200, "the replayed secret works")
      }
      for overlap in [600, 0] {
        let rotated = try await race(nodes) { node, client in
          try await node.scrubbe(
            .POST, "/\(scrubbe.keyID)/rotate", root, body: #"{"overlapSecs":\#(overlap)}"#,
            named: "rotate \(overlap)", via: client)
        }
        #expect(try await nodes[1].verify(root.issued(rotated)).status == 200, "the replayed secret works")
        #expect(try await nodes[0].verify(scrubbe).status == (overlap == 0 ? 401 : 200))
      }
      let log = try await send(
        .GET, nodes[0].baseURL + "/api/v1/audit?target=\(scrubbe.keyID)", headers: root.bareHeaders)
      #expect((log.json["data"] as? [Any])?.count == 3)
    }
  }

  @Test(
    "A key that rotated itself gets a lost response from another node with its old secret, in the overlap")
  func lostResponse() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      func rotate(_ node: Node, _ overlap: Int, by account: Account) async throws -> Reply {
        try await node.scrubbe(
          .POST, "/\(root.keyID)/rotate", account, body: #"{"overlapSecs":\#(overlap)}"#,
          named: "r\(overlap)")
      }
      let lost = try await rotate(nodes[0], 600, by: root)
      let again = try await rotate(nodes[1], 600, by: root)
      #expect(again.status == 200 && again.body == lost.body)
      #expect(again.header("Idempotency-Replayed") == "true")
      let renewed = try root.issued(again)
      let unreadable = try await rotate(nodes[1], 600, by: renewed)
      #expect(unreadable.status == 422 && unreadable.text("code") == "idempotency_answer_unreadable")
      let last = try await rotate(nodes[0], 0, by: renewed)
      #expect(try await rotate(nodes[1], 0, by: renewed).status == 401)
      #expect(try await rotate(nodes[1], 600, by: root).status == 401)
      #expect(try await nodes[1].verify(root.issued(last)).status == 200)
    }
  }

  @Test("Of 32 concurrent requests one is charged")
  func charge() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      for call in ["reserve", "record"] {
        let child = try await nodes[0].child(of: root, #""usage_limit":100"#)
        for round in 1...3 {
          _ = try await race(nodes) { node, client in
            try await node.post(
              "usage/\(call)", child, #"{"requests":7}"#, named: "\(call) \(round)", via: client)
          }
          let counters = try await Counters.read(child.keyID, at: database.url)
          #expect(counters.used.requests == Int64(7 * round))
        }
      }
    }
  }

  @Test("A node replays another node's response, with its headers")
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
    }
  }

  /// Sends one request 32 times concurrently.
  ///
  /// Each response must be the same, or tell the client to retry.
  private func race(
    _ nodes: [Node], _ request: @escaping @Sendable (Node, HTTPClient) async throws -> Reply
  ) async throws -> Reply {
    let replies = try await withClient(connections: 32) { client in
      try await concurrently(32) { number in try await request(nodes[number % 2], client) }
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
}
