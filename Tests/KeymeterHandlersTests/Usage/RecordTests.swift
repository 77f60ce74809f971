import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Record: usage after the fact")
struct RecordTests {
  @Test("200 confirms the usage and returns the key's new usage")
  func recorded() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 10))
    let answer = try await service.record(#"{"requests":3,"tokens":40}"#, by: key)
    #expect(answer.status == 200)
    try answer.expectBody(
      """
      {"recorded":true,"repeated":false,"over_limit":false,
       "limits":{"requests":{"limit":10,"used":3,"remaining":7},
                 "tokens":{"limit":null,"used":40,"remaining":null},
                 "stt_secs":{"limit":null,"used":0,"remaining":null}},
       "period":"2024-01","resets_at":"2024-02-01T00:00:00Z"}
      """)
    #expect(answer.headers[values: .cacheControl] == ["no-store"])
    #expect(answer.headers[values: .keyIDHeader] == [key.key.id.rawValue])
  }

  @Test("Recording is never rejected by a limit, and over_limit says if one was exceeded")
  func overLimit() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 5, tokens: 0))
    for (json, over) in [(#"{"requests":5}"#, false), (#"{"requests":1}"#, true), (#"{"tokens":3}"#, true)] {
      let answer = try await service.record(json, by: key)
      #expect(answer.status == 200)
      #expect(try answer.object["over_limit"] == .bool(over))
    }
    #expect(try await service.used(by: key) == Amounts(requests: 6, tokens: 3))
  }

  @Test("An event counts once, however often it is reported and with either kind of credentials")
  func eventOnce() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 10))
    let json = #"{"tokens":8,"event_id":"evt-1"}"#
    let first = try await service.record(json, by: key)
    #expect(try first.object["repeated"] == .bool(false))
    #expect(try await service.record(#"{"tokens":8,"event_id":"evt-2"}"#, by: key).status == 200)
    service.clock.advance(seconds: 86_400)
    let call = Call.runtime(.post, RuntimeOperation.record.path, by: key, json: json)
    for call in [call, call.asScrubs()] {
      let again = try await service.ask(call)
      #expect(again.status == 200)
      #expect(try again.object["recorded"] == .bool(true))
      #expect(try again.object["repeated"] == .bool(true))
      #expect(try again.object["over_limit"] == .bool(false), "as on the first report")
    }
    #expect(try await service.used(by: key) == Amounts(tokens: 16))
  }

  @Test("An event with other amounts or by another key gets 409 and counts nothing")
  func differs() async throws {
    let service = try await Service()
    let key = try await service.key()
    #expect(try await service.record(#"{"tokens":8,"event_id":"e"}"#, by: key).status == 200)
    let other = try await service.key()
    for (caller, json) in [
      (key, #"{"tokens":9,"event_id":"e"}"#), (key, #"{"requests":1,"tokens":8,"event_id":"e"}"#),
      (key, #"{"event_id":"e"}"#), (other, #"{"tokens":8,"event_id":"e"}"#),
      (service.home.root, #"{"tokens":8,"event_id":"e"}"#),
    ] {
      let answer = try await service.askRejected(
        .runtime(.post, RuntimeOperation.record.path, by: caller, json: json))
      try expectProblem(answer, 409, code: "event_differs")
    }
    let foreign = try await service.record(#"{"tokens":9,"event_id":"e"}"#, by: service.neighbour.root)
    #expect(foreign.status == 200, "event ids are scoped to an organisation")
  }

  @Test("Usage without an event id, or with null, counts each time")
  func withoutEvent() async throws {
    let service = try await Service()
    let key = try await service.key()
    for json in [#"{"tokens":1}"#, #"{"tokens":1}"#, #"{"tokens":1,"event_id":null}"#] {
      #expect(try await service.record(json, by: key).object["repeated"] == .bool(false))
    }
    #expect(try await service.used(by: key) == Amounts(tokens: 3))
  }

  @Test("Event ids are compared byte by byte without normalisation")
  func eventBytes() async throws {
    let service = try await Service()
    let key = try await service.key()
    let ids = [
      "a", "A", " a", "a ", "\u{e9}", "e\u{301}", String(repeating: "x", count: 255), "\u{1f600}", " ",
    ]
    for id in ids {
      let answer = try await service.record(#"{"tokens":1,"event_id":"\#(id)"}"#, by: key)
      #expect(answer.status == 200)
      #expect(try answer.object["repeated"] == .bool(false), "\(id)")
    }
    #expect(try await service.used(by: key).tokens == Int64(ids.count))
  }

  @Test(
    "An event id that is empty, too long, not a string or has control characters is rejected",
    arguments: [
      "\"\"", "\"\(String(repeating: "x", count: 256))\"", #""a\u0000""#, #""a\n""#, #""\u007f""#,
      #""\u0085""#, "7", "true", "[]",
    ])
  func badEvent(value: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(
      .runtime(
        .post, RuntimeOperation.record.path, by: service.home.root,
        json: #"{"tokens":1,"event_id":\#(value)}"#))
    try expectProblem(answer, 400, code: "body_invalid", fields: ["event_id"])
  }

  @Test("Usage that would overflow the counter gets 409 and counts nothing")
  func counterFull() async throws {
    let service = try await Service()
    let key = try await service.key()
    try await service.store.setUsed(
      Amounts(tokens: .max - 5), by: key.key.id, in: service.home.organisation.id)
    let answer = try await service.askRejected(
      .runtime(.post, RuntimeOperation.record.path, by: key, json: #"{"tokens":6}"#))
    try expectProblem(answer, 409, code: "counter_full")
    #expect(try await service.record(#"{"tokens":5}"#, by: key).status == 200)
    #expect(try await service.used(by: key).tokens == .max)
  }
}
