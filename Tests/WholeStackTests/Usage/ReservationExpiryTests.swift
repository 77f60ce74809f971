import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("Reservations that nobody settles in time", .timeLimit(.minutes(2)))
struct ReservationExpiryTests {
  @Test("Two nodes' sweepers release what is to be released, keep what is to be charged, each only once")
  func sweptOnce() async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let released = try await nodes[0].child(of: root, #""monthly_token_limit":200"#)
      let charged = try await nodes[0].child(of: root, #""monthly_token_limit":200"#)
      // Usage of their own shows a release that is made twice.
      for account in [released, charged] {
        #expect(try await nodes[0].verify(account, "?requests=0&tokens=80").status == 200)
      }
      try await withClient(connections: 40) { client in
        let replies = try await concurrently(80) { number in
          let expiry = number % 4 < 2 ? "release" : "charge"
          return try await nodes[number % 2].post(
            "usage/reserve", number % 4 < 2 ? released : charged,
            #"{"tokens":3,"hold_secs":\#(1 + number % 2),"on_expiry":"\#(expiry)"}"#, via: client)
        }
        #expect(replies.allSatisfy { $0.status == 201 })
      }

      try await database.withPool { pool in
        for (account, left) in [(released, Int64(80)), (charged, 200)] {
          let swept = try await eventually("the sweepers to come by") {
            let counters = try await Counters.read(account.keyID, on: pool)
            return counters.reserved == .zero ? counters : nil
          }
          #expect(swept.used == Amounts(tokens: left))
          #expect(swept.daily == swept.used)
        }
        // The next rounds find nothing more to do.
        try await Task.sleep(for: .milliseconds(2_500))
        for (account, left) in [(released, Int64(80)), (charged, 200)] {
          let later = try await Counters.read(account.keyID, on: pool)
          #expect(later.reserved == .zero && later.used == Amounts(tokens: left))
          #expect(later.daily == later.used)
        }
      }
      #expect(try await nodes[1].verify(released, "?requests=0&tokens=120").status == 200)
      #expect(try await nodes[1].verify(charged, "?requests=0&tokens=1").status == 429)
    }
  }

  @Test("Settling after the time is over is answered 409 and changes nothing, swept or not")
  func settledTooLate() async throws {
    try await Node.with(count: 1) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let reply = try await nodes[0].post("usage/reserve", root, #"{"tokens":5,"hold_secs":1}"#)
      let id = try #require(reply.text("reservation_id"))
      for wait in [1_050, 2_500] {
        try await Task.sleep(for: .milliseconds(wait))
        let settled = try await nodes[0].post(
          "usage/settle", root, #"{"reservation_id":"\#(id)","tokens":4}"#)
        #expect(settled.status == 409)
        #expect(settled.text("code") == "reservation_expired")
      }
      let counters = try await Counters.read(root.keyID, at: database.url)
      #expect(counters == Counters(used: .zero, reserved: .zero, daily: .zero))
    }
  }

  @Test("A settlement that races with the end of the time either counts in full or not at all")
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
        let settled = statuses.filter { $0 == 200 }.count
        let counters = try await eventually("the sweepers to come by") {
          let counters = try await Counters.read(root.keyID, at: database.url)
          return counters.reserved == .zero ? counters : nil
        }
        #expect(counters.used == Amounts(tokens: Int64(7 * settled)))
        #expect(counters.daily == counters.used)
      }
    }
  }
}
