import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Settle: true amounts replace the reserved ones")
struct SettleTests {
  /// Amounts settled on a reservation of 5 with a limit of 10, and whether they exceed the limit.
  private static let moreThanReserved: [(tokens: Int64, over: Bool)] = [
    (9, false), (10, false), (11, true), (MonthlyLimits.largest, true),
  ]

  @Test("200 returns the settled amounts, and they replace the reserved ones in the key's usage")
  func settled() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 100))
    let id = try await service.reserve(#"{"requests":2,"tokens":50,"stt_secs":9}"#, by: key)
    let answer = try await service.settle(id, #""requests":1,"tokens":30"#, by: key)
    #expect(answer.status == 200)
    try answer.expectBody(
      #"{"reservation_id":"\#(id)","requests":1,"tokens":30,"stt_secs":0,"over_limit":false}"#)
    #expect(answer.headers[values: .cacheControl] == ["no-store"])
    #expect(try RateLimits(answer.headers).limits.map(\.remaining) == [70])
    #expect(try await service.used(by: key) == Amounts(requests: 1, tokens: 30))
    #expect(try await service.reserved(by: key) == .zero)
  }

  @Test("Settling again with equal amounts gets the same response and counts once, even after further usage")
  func again() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 10))
    let id = try await service.reserve(#"{"tokens":5}"#, by: key)
    let first = try await service.settle(id, #""tokens":20"#, by: key)
    #expect(try first.object["over_limit"] == .bool(true))
    #expect(try await service.record(#"{"tokens":7}"#, by: key).status == 200)
    service.clock.advance(seconds: 100_000)
    for amounts in [#""tokens":20"#, #""tokens":20,"requests":0,"stt_secs":0"#] {
      let again = try await service.settle(id, amounts, by: key)
      #expect(again.status == 200)
      #expect(again.text == first.text)
    }
    #expect(try await service.used(by: key) == Amounts(tokens: 27))
  }

  @Test("Settling again with other amounts gets 409 and changes nothing")
  func otherwise() async throws {
    let service = try await Service()
    let key = try await service.key()
    let id = try await service.reserve(#"{"tokens":5}"#, by: key)
    #expect(try await service.settle(id, #""tokens":4"#, by: key).status == 200)
    for amounts in [#""tokens":5"#, "", #""tokens":4,"requests":1"#] {
      let answer = try await service.settle(id, amounts, by: key)
      try expectProblem(
        answer, 409, code: "settled_otherwise")
    }
    #expect(try await service.used(by: key) == Amounts(tokens: 4))
  }

  @Test(
    "An expired reservation gets 409 and changes nothing, before and after the sweep",
    arguments: ["release", "charge"])
  func expired(onExpiry: String) async throws {
    let service = try await Service()
    let key = try await service.key()
    let json = #"{"tokens":5,"hold_secs":60,"on_expiry":"\#(onExpiry)"}"#
    let inTime = try await service.reserve(json, by: key)
    let id = try await service.reserve(json, by: key)
    service.clock.advance(seconds: 59)
    #expect(try await service.settle(inTime, by: key).status == 200)
    service.clock.advance(seconds: 1)
    for swept in [0, 1] {
      let before = try await service.store.meter()
      for amounts in ["", #""tokens":5"#, #""tokens":9"#] {
        let answer = try await service.settle(id, amounts, by: key)
        try expectProblem(answer, 409, code: "reservation_expired")
      }
      #expect(try await service.store.meter().differences(from: before) == [])
      #expect(try await service.store.sweepExpiredReservations() == 1 - swept)
    }
    #expect(try await service.used(by: key) == Amounts(tokens: onExpiry == "charge" ? 5 : 0))
  }

  @Test(
    "An unknown reservation gets 404",
    arguments: ["rsv_000000000000000000000000", "", "x", "key_1", "rsv_", "rsv_\\u0000", "rsv_' OR 1=1"])
  func unknown(id: String) async throws {
    let service = try await Service()
    let answer = try await service.settle(id, by: service.home.root)
    try expectProblem(answer, 404, code: "reservation_not_found")
  }

  @Test("Another key's reservation gets 404, also for a root key and another tenant")
  func otherKey() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 5))
    let id = try await service.reserve(#"{"tokens":5}"#, by: key)
    for other in [try await service.key(), service.home.root, service.neighbour.root] {
      let before = try await service.store.meter()
      let answer = try await service.settle(id, #""tokens":0"#, by: other)
      try expectProblem(answer, 404, code: "reservation_not_found")
      #expect(try await service.store.meter().differences(from: before) == [])
    }
    #expect(try await service.reserved(by: key) == Amounts(tokens: 5))
  }

  @Test("Settling zeros releases the reserved amounts")
  func zeros() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 5))
    for amounts in ["", #""requests":0,"tokens":0,"stt_secs":0"#] {
      let id = try await service.reserve(#"{"tokens":5}"#, by: key)
      #expect(try await service.ask(.verify("?tokens=1", by: key)).status == 429)
      #expect(try await service.settle(id, amounts, by: key).status == 200)
      #expect(try await service.used(by: key).tokens == 0)
    }
  }

  @Test(
    "More than was reserved is counted in full, and over_limit says if that exceeds a limit",
    arguments: moreThanReserved)
  func more(tokens: Int64, over: Bool) async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 10))
    let id = try await service.reserve(#"{"tokens":5}"#, by: key)
    let answer = try await service.settle(id, #""tokens":\#(tokens)"#, by: key)
    #expect(answer.status == 200)
    #expect(try answer.object["over_limit"] == .bool(over))
    #expect(try await service.used(by: key) == Amounts(tokens: tokens))
  }

  @Test("A settlement after the end of the month counts in the month of the reservation")
  func monthEnd() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 10))
    try service.clock.advance(to: "2024-01-31T23:59:59Z")
    let id = try await service.reserve(#"{"tokens":10}"#, by: key)
    try service.clock.advance(to: "2024-02-01T00:00:01Z")
    let answer = try await service.settle(id, #""tokens":12"#, by: key)
    #expect(try answer.object["over_limit"] == .bool(true))
    #expect(try RateLimits(answer.headers).limits.map(\.remaining) == [10], "of the current month")
    #expect(try await service.used(by: key) == .zero)
  }

  @Test(
    "A body without a reservation_id, or with an invalid member, gets 400",
    arguments: [
      (json: "{}", field: "reservation_id"), (#"{"tokens":1}"#, "reservation_id"),
      (#"{"reservation_id":null}"#, "reservation_id"), (#"{"reservation_id":7}"#, "reservation_id"),
      (#"{"reservation_id":"rsv_1","tokens":-1}"#, "tokens"), (#"{"reservation_id":"rsv_1","id":"x"}"#, "id"),
      (#"{"reservation_id":"rsv_1","hold_secs":5}"#, "hold_secs"),
    ])
  func invalid(json: String, field: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(
      .runtime(.post, RuntimeOperation.settle.path, by: service.home.root, json: json))
    try expectProblem(answer, 400, code: "body_invalid", fields: [field])
  }
}
