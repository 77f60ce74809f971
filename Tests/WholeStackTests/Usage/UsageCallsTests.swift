import Foundation
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Usage over HTTP, as a back end calls it", .timeLimit(.minutes(2)))
struct UsageCallsTests {
  @Test("Reserved amounts count at once; settled ones take their place, and settling again changes nothing")
  func reserveAndSettle() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, #""monthly_token_limit":100"#)
      let reserved = try await nodes[0].post("usage/reserve", child, #"{"tokens":80,"requests":1}"#)
      #expect(reserved.status == 201)
      let id = try #require(reserved.text("reservation_id"))
      #expect(id.hasPrefix("rsv_"))
      #expect(reserved.text("expires_at")?.hasSuffix("Z") == true)
      #expect(reserved.limit("tokens", "used") == 80)
      #expect(reserved.header("RateLimit")?.contains(#""tokens";r=20;"#) == true)
      #expect(reserved.header("X-Keymeter-Key-Id") == child.keyID)
      #expect(try await usage(nodes[0], child).limit("tokens", "reserved") == 80)

      let refused = try await nodes[0].post("usage/reserve", child, #"{"tokens":21}"#)
      #expect(refused.status == 429)
      #expect(refused.header("Retry-After") != nil && refused.header("RateLimit") != nil)

      let settlement = #"{"reservation_id":"\#(id)","tokens":30,"requests":1}"#
      let settled = try await nodes[0].post("usage/settle", child, settlement)
      #expect(settled.status == 200)
      #expect(settled.json["over_limit"] as? Bool == false)
      let again = try await nodes[0].post("usage/settle", child, settlement)
      #expect(again.status == 200 && again.body == settled.body)
      let otherwise = try await nodes[0].post(
        "usage/settle", child, #"{"reservation_id":"\#(id)","tokens":31}"#)
      #expect(otherwise.status == 409)
      #expect(otherwise.text("code") == "settled_otherwise")

      let counters = try await Counters.read(child.keyID, at: database.url)
      #expect(counters.used == Amounts(requests: 1, tokens: 30))
      #expect(counters.daily == counters.used && counters.reserved == .zero)
    }
  }

  @Test("More than was reserved is recorded in full and marked; zeros give all of it back")
  func settleOverAndUnder() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, #""monthly_token_limit":100"#)
      for (amount, over, left) in [(0, false, 0), (150, true, 150)] {
        let id = try #require(
          try await nodes[0].post("usage/reserve", child, #"{"tokens":60}"#).text("reservation_id"))
        let settled = try await nodes[0].post(
          "usage/settle", child, #"{"reservation_id":"\#(id)","tokens":\#(amount)}"#)
        #expect(settled.json["over_limit"] as? Bool == over)
        #expect(
          try await Counters.read(child.keyID, at: database.url).daily == Amounts(tokens: Int64(left)))
      }
      #expect(try await nodes[0].verify(child, "?tokens=1").status == 429)
    }
  }

  @Test("A reservation is settled by its own key only; an id that never was is 404")
  func strangersReservation() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let other = try await Node.organisation("other", on: database)
      let id = try #require(
        try await nodes[0].post("usage/reserve", root, #"{"requests":1}"#).text("reservation_id"))
      let strange = "rsv_" + String(repeating: "a", count: 22)
      for (account, name) in [(other, id), (root, "rsv_nothing"), (root, strange)] {
        let reply = try await nodes[0].post("usage/settle", account, #"{"reservation_id":"\#(name)"}"#)
        #expect(reply.status == 404)
        #expect(reply.text("code") == "reservation_not_found")
      }
      #expect(try await Counters.read(root.keyID, at: database.url).reserved == Amounts(requests: 1))
    }
  }

  @Test("An event is counted once, however often it is reported, and over a limit too")
  func recordOnce() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, #""monthly_stt_secs_limit":50"#)
      let event = #"{"stt_secs":70,"event_id":"call-7"}"#
      let first = try await nodes[0].post("usage/record", child, event)
      #expect(first.status == 200)
      #expect(first.json["over_limit"] as? Bool == true && first.json["repeated"] as? Bool == false)
      #expect(first.header("RateLimit")?.contains(#""stt_secs";r=0;"#) == true)
      let second = try await nodes[0].post("usage/record", child, event)
      #expect(second.status == 200)
      #expect(second.json["over_limit"] as? Bool == true && second.json["repeated"] as? Bool == true)
      let differing = try await nodes[0].post("usage/record", child, #"{"stt_secs":71,"event_id":"call-7"}"#)
      #expect(differing.status == 409)
      #expect(try await nodes[0].post("usage/record", child, #"{"requests":2}"#).status == 200)
      #expect(try await nodes[0].post("usage/record", child, #"{"requests":2}"#).status == 200)
      let counters = try await Counters.read(child.keyID, at: database.url)
      #expect(counters.used == Amounts(requests: 4, speechSeconds: 70) && counters.daily == counters.used)
    }
  }

  @Test("Of 32 reports of one event at once exactly one counts, over two nodes")
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
          #expect(replies.filter { $0.json["repeated"] as? Bool == false }.count == 1)
        }
      }
      #expect(try await Counters.read(root.keyID, at: database.url).used == Amounts(tokens: 15))
    }
  }

  @Test("Usage is told to the key itself and to its organisation's root key, and to nobody else")
  func usageOf() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let other = try await Node.organisation("other", on: database)
      let child = try await nodes[0].child(of: root, #""usage_limit":10"#)
      #expect(try await nodes[0].verify(child, "?requests=4").status == 200)
      let own = try await usage(nodes[0], child)
      let byRoot = try await usage(nodes[0], root, "?id=\(child.keyID)")
      for reply in [own, byRoot] {
        #expect(reply.status == 200)
        #expect(reply.text("key_id") == child.keyID)
        #expect(reply.limit("requests", "used") == 4 && reply.limit("requests", "remaining") == 6)
        #expect(reply.limit("requests", "reserved") == 0)
      }
      #expect(try await usage(nodes[0], child, "?id=\(root.keyID)").status == 403)
      #expect(try await usage(nodes[0], root, "?id=\(other.keyID)").status == 404)
      #expect(try await usage(nodes[0], root, "?key=\(child.keyID)").status == 400)
      #expect(try await send(.GET, nodes[0].baseURL + "/api/v1/usage").status == 401)
      #expect(try await Counters.read(child.keyID, at: database.url).used == Amounts(requests: 4))
    }
  }

  @Test("Analytics add up to what was charged, also of a key that is deleted since")
  func analytics() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let other = try await Node.organisation("other", on: database)
      let one = try await nodes[0].child(of: root)
      let two = try await nodes[0].child(of: root)
      #expect(try await nodes[0].verify(one, "?requests=2&tokens=5").status == 200)
      #expect(try await nodes[0].verify(two, "?stt_secs=9").status == 200)
      #expect(try await nodes[0].apiKey(.DELETE, root, query: "?id=\(two.keyID)").status == 200)

      let range = #""start_date":"2020-01-01","end_date":"2099-12-31""#
      let whole = try await analytics(nodes[0], root, range)
      #expect(whole.total == ["usage": 3, "tokens": 5, "stt_duration": 9])
      #expect(whole.days == 1 || whole.days == 2, "midnight may have passed")
      let second = #","api_key_id":"\#(two.keyID)""#
      #expect(try await analytics(nodes[0], root, range + second).total["usage"] == 1)
      let both = #","api_key_ids":["\#(one.keyID)","\#(two.keyID)"]"#
      #expect(try await analytics(nodes[0], root, range + both).total["stt_duration"] == 9)
      let past = #""start_date":"2020-01-01","end_date":"2020-01-31""#
      #expect(try await analytics(nodes[0], root, past).days == 0)

      func status(_ account: Account, _ members: String) async throws -> Int {
        try await nodes[0].post("usage-analytics", account, "{\(members)}").status
      }
      #expect(try await status(one, range) == 403)
      #expect(try await status(root, range + #","api_key_id":"\#(other.keyID)""#) == 403)
      #expect(try await status(root, range + #","api_key_id":"key_nobody""#) == 404)
      #expect(try await status(root, #""start_date":"2024-02-30","end_date":"2024-03-01""#) == 400)
      #expect(try await status(root, #""start_date":"2024-03-01","end_date":"2024-02-01""#) == 400)
      #expect(try await status(root, #""start_date":"2024-03-01""#) == 400)
    }
  }

  @Test("A body that says anything unclear is refused and counts nothing")
  func malformed() async throws {
    let bodies = [
      #"{"token":1}"#, #"{"tokens":"1"}"#, #"{"tokens":1.5}"#, #"{"tokens":-1}"#, #"{"tokens":true}"#,
      #"{"tokens":9007199254740992}"#, #"{"tokens":1,"tokens":1}"#, "[]", "{", "",
    ]
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      for call in ["reserve", "settle", "record"] {
        for body in bodies {
          let reply = try await nodes[0].post("usage/\(call)", root, body)
          #expect(reply.status == 400, "\(call) \(body)")
          #expect((reply.json["errors"] as? [Any])?.isEmpty == false, "\(call) \(body)")
        }
      }
      #expect(try await Counters.read(root.keyID, at: database.url).used == .zero)
    }
  }

  private func usage(_ node: Node, _ account: Account, _ query: String = "") async throws -> Reply {
    try await send(.GET, node.baseURL + "/api/v1/usage" + query, headers: account.headers)
  }

  private func analytics(
    _ node: Node, _ account: Account, _ members: String
  ) async throws -> (total: [String: Int], days: Int) {
    let reply = try await node.post("usage-analytics", account, "{\(members)}")
    #expect(reply.status == 200, "\(reply.body)")
    let days = reply.json["deltas"] as? [String: Any]
    return (reply.json["total"] as? [String: Int] ?? [:], days?.count ?? 0)
  }
}
