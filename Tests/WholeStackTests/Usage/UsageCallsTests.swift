import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Usage over HTTP, as a back end calls it", .timeLimit(.minutes(10)))
struct UsageCallsTests {
  @Test("Usage that is reserved, settled, recorded and verified is what usage and analytics report")
  func everyCall() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(of: root, #""monthly_token_limit":100"#)
      let reserved = try await node.post("usage/reserve", child, #"{"tokens":80,"requests":1}"#)
      #expect(reserved.status == 201)
      let id = try #require(reserved.text("reservation_id"))
      #expect(reserved.header("RateLimit")?.contains(#""tokens";r=20;"#) == true)
      #expect(try await usage(node, child).limit("tokens", "reserved") == 80)
      #expect(try await node.post("usage/reserve", child, #"{"tokens":21}"#).status == 429)

      let settlement = #"{"reservation_id":"\#(id)","tokens":30,"requests":1}"#
      for _ in 0..<2 { #expect(try await node.post("usage/settle", child, settlement).status == 200) }
      let event = #"{"stt_secs":70,"event_id":"call-7"}"#
      for repeated in [false, true] {
        let recorded = try await node.post("usage/record", child, event)
        #expect(recorded.status == 200 && recorded.json["repeated"] as? Bool == repeated)
      }
      #expect(try await node.verify(child, "?requests=2&tokens=5").status == 200)

      let counters = try await Counters.read(child.keyID, at: database.url)
      #expect(counters.used == Amounts(requests: 3, tokens: 35, speechSeconds: 70))
      #expect(counters.daily == counters.used && counters.reserved == .zero)
      #expect(try await usage(node, root, "?id=\(child.keyID)").limit("tokens", "used") == 35)
      #expect(try await node.apiKey(.DELETE, root, query: "?id=\(child.keyID)").status == 200)
      let analytics = try await node.post(
        "usage-analytics", root, #"{"start_date":"2020-01-01","end_date":"2099-12-31"}"#)
      #expect(analytics.json["total"] as? [String: Int] == ["usage": 3, "tokens": 35, "stt_duration": 70])
    }
  }

  @Test("Of 32 concurrent reports of one event, on two nodes, exactly one counts")
  func recordRace() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      try await withClient(connections: 32) { client in
        for round in 0..<5 {
          let replies = try await concurrently(32) { number in
            try await nodes[number % 2].post(
              "usage/record", root, #"{"tokens":3,"event_id":"event-\#(round)"}"#, via: client)
          }
          #expect(replies.allSatisfy { $0.status == 200 })
          #expect(replies.count { $0.json["repeated"] as? Bool == false } == 1)
        }
      }
      let counters = try await Counters.read(root.keyID, at: database.url)
      #expect(counters.used == Amounts(tokens: 15) && counters.daily == counters.used)
    }
  }

  private func usage(_ node: Node, _ account: Account, _ query: String = "") async throws -> Reply {
    try await send(.GET, node.baseURL + "/api/v1/usage" + query, headers: account.headers)
  }
}
