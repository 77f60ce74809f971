import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Reservations that expire", .timeLimit(.minutes(10)))
struct ReservationExpiryTests {
  @Test("Two nodes' sweepers release or charge each reservation once, as it was agreed")
  func sweptOnce() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let released = try await nodes[0].child(of: root, #""monthly_token_limit":200"#)
      let charged = try await nodes[0].child(of: root, #""monthly_token_limit":200"#)
      // Other usage of these keys makes a second release visible.
      for account in [released, charged] {
        #expect(try await nodes[0].verify(account, "?requests=0&tokens=80").status == 200)
      }
      try await withClient(connections: 40) { client in
        let replies = try await concurrently(80) { number in
          let (account, expiry) = number % 4 < 2 ? (released, "release") : (charged, "charge")
          return try await nodes[number % 2].post(
            "usage/reserve", account,
            #"{"tokens":3,"hold_secs":\#(1 + number % 2),"on_expiry":"\#(expiry)"}"#,
            via: client)
        }
        #expect(replies.allSatisfy { $0.status == 201 })
      }
      func expectUsed() async throws {
        for (account, tokens) in [(released, Int64(80)), (charged, 200)] {
          let counters = try await Counters.read(account.keyID, at: database.url)
          #expect(counters.used == Amounts(tokens: tokens) && counters.reserved == .zero)
          #expect(counters.daily == counters.used)
        }
      }
      for account in [released, charged] { try await untilSwept(account, at: database.url) }
      try await expectUsed()
      for node in nodes { try await anotherSweep(of: node) }
      try await expectUsed()
      #expect(try await nodes[1].verify(released, "?requests=0&tokens=120").status == 200)
      #expect(try await nodes[1].verify(charged, "?requests=0&tokens=1").status == 429)
    }
  }

  @Test("A settlement after the expiry gets 409 and changes nothing, before and after the sweep")
  func settledTooLate() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let reply = try await node.post("usage/reserve", root, #"{"tokens":5,"hold_secs":1}"#)
      let id = try #require(reply.text("reservation_id"))
      try await Task.sleep(for: .milliseconds(1_050))
      for _ in 0..<2 {
        let settled = try await node.post("usage/settle", root, #"{"reservation_id":"\#(id)","tokens":4}"#)
        #expect(settled.status == 409 && settled.text("code") == "reservation_expired")
        try await untilSwept(root, at: database.url)
      }
      let counters = try await Counters.read(root.keyID, at: database.url)
      #expect(counters == Counters(used: .zero, reserved: .zero, daily: .zero))
    }
  }

  @Test("A settlement that races the expiry counts in full or not at all")
  func settlementRacesExpiry() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      try await withClient(connections: 48) { client in
        let statuses = try await concurrently(48) { number in
          let node = nodes[number % 2]
          let reply = try await node.post("usage/reserve", root, #"{"tokens":5,"hold_secs":1}"#, via: client)
          let id = try #require(reply.text("reservation_id"))
          try await Task.sleep(for: .milliseconds(700 + number * 12))
          return try await node.post(
            "usage/settle", root, #"{"reservation_id":"\#(id)","tokens":7}"#, via: client
          ).status
        }
        #expect(statuses.allSatisfy { $0 == 200 || $0 == 409 })
        try await untilSwept(root, at: database.url)
        let counters = try await Counters.read(root.keyID, at: database.url)
        #expect(counters.used == Amounts(tokens: Int64(7 * statuses.count { $0 == 200 })))
        #expect(counters.daily == counters.used)
      }
    }
  }

  private func untilSwept(_ account: Account, at url: String) async throws {
    _ = try await eventually("the sweepers to release the key's reservations") {
      try await Counters.read(account.keyID, at: url).reserved == .zero ? true : nil
    }
  }

  /// Waits until a sweep that started after now has finished.
  private func anotherSweep(of node: Node) async throws {
    let runs = #"keymeter_job_runs_total{name="expire_reservations"}"#
    let before = try await node.scrape()[runs]
    _ = try await eventually("two more sweeps") { try await node.scrape()[runs] >= before + 2 ? true : nil }
  }
}
