import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Usage analytics: daily usage")
struct UsageAnalyticsTests {
  /// Three days of usage of two keys.
  private struct Usage {
    let service: Service
    let first: IssuedKey
    let second: IssuedKey

    init() async throws {
      service = try await Service()
      first = try await service.key()
      second = try await service.key()
      _ = try await service.ask(.verify("?requests=2&tokens=10", by: first))
      try service.clock.advance(to: "2024-01-15T23:59:59Z")
      _ = try await service.ask(.verify("?stt_secs=5", by: second))
      try service.clock.advance(to: "2024-01-16T00:00:00Z")
      _ = try await service.ask(.verify("?tokens=1", by: first))
      try service.clock.advance(to: "2024-02-29T12:00:00Z")
      _ = try await service.record(#"{"tokens":100}"#, by: second)
      _ = try await service.record(#"{"tokens":1000}"#, by: service.neighbour.root)
    }

    func answer(_ first: String, _ last: String, _ keys: String = "") async throws -> Answer {
      let json = #"{"start_date":"\#(first)","end_date":"\#(last)"\#(keys.isEmpty ? "" : ",")\#(keys)}"#
      return try await service.ask(
        .runtime(.post, RuntimeOperation.analytics.path, by: service.home.root, json: json))
    }
  }

  @Test("Without a key the whole organisation's usage is returned, with deleted keys and no other tenant's")
  func organisation() async throws {
    let usage = try await Usage()
    let id = usage.second.key.id.rawValue
    #expect(try await usage.service.asRoot(.delete, query: "?id=\(id)").status == 200)
    let answer = try await usage.answer("2024-01-01", "2024-12-31")
    #expect(answer.status == 200)
    try answer.expectBody(
      """
      {"api_key":null,"total":{"usage":4,"tokens":111,"stt_duration":5},
       "deltas":{"2024-01-15":{"usage":3,"tokens":10,"stt_duration":5},
                 "2024-01-16":{"usage":1,"tokens":1,"stt_duration":0},
                 "2024-02-29":{"usage":0,"tokens":100,"stt_duration":0}}}
      """)
    #expect(answer.headers[values: .cacheControl] == ["no-store"])
    let one = try await usage.answer("2024-01-01", "2024-12-31", #""api_key_id":"\#(id)""#)
    #expect(one.status == 200)
    #expect(try one.object["total"]?["tokens"] == .whole(100))
  }

  @Test(
    "The range includes both days, in UTC",
    arguments: [
      (first: "2024-01-15", last: "2024-01-15", days: ["2024-01-15"]),
      ("2024-01-15", "2024-01-16", ["2024-01-15", "2024-01-16"]),
      ("2024-01-16", "2024-01-16", ["2024-01-16"]),
      ("2024-01-17", "2024-02-28", []), ("2024-02-29", "2024-02-29", ["2024-02-29"]),
      ("0001-01-01", "2024-01-14", []), ("2024-03-01", "9999-12-31", []),
      ("0001-01-01", "9999-12-31", ["2024-01-15", "2024-01-16", "2024-02-29"]),
    ])
  func range(first: String, last: String, days: [String]) async throws {
    let answer = try await Usage().answer(first, last)
    #expect(answer.status == 200)
    guard case .object(let deltas)? = try answer.object["deltas"] else {
      Issue.record("deltas is not an object")
      return
    }
    #expect(deltas.names == days)
    if days.isEmpty {
      try answer.expectBody(
        #"{"api_key":null,"total":{"usage":0,"tokens":0,"stt_duration":0},"deltas":{}}"#)
    }
  }

  @Test("A single key is returned by id, from either member, and counts alone")
  func oneKey() async throws {
    let usage = try await Usage()
    let id = usage.first.key.id.rawValue
    for keys in [
      #""api_key_id":"\#(id)""#, #""api_key_ids":["\#(id)"]"#, #""api_key_id":null,"api_key_ids":["\#(id)"]"#,
    ] {
      let answer = try await usage.answer("2024-01-01", "2024-01-31", keys)
      try answer.expectBody(
        """
        {"api_key":"\(id)","total":{"usage":3,"tokens":11,"stt_duration":0},
         "deltas":{"2024-01-15":{"usage":2,"tokens":10,"stt_duration":0},
                   "2024-01-16":{"usage":1,"tokens":1,"stt_duration":0}}}
        """)
    }
  }

  @Test("Several keys are added up, each once, and no id is returned")
  func severalKeys() async throws {
    let usage = try await Usage()
    let (first, second) = (usage.first.key.id.rawValue, usage.second.key.id.rawValue)
    for (keys, total) in [
      ([first, second], 4), ([first, second, first], 4),
      ([second, first, usage.service.home.root.key.id.rawValue], 4),
      ([first, first], 3),
    ] as [([String], Int64)] {
      let list = keys.map { "\"\($0)\"" }.joined(separator: ",")
      let answer = try await usage.answer("2024-01-01", "2024-12-31", #""api_key_ids":[\#(list)]"#)
      #expect(try answer.object["total"]?["usage"] == .whole(total))
      #expect(try answer.object["api_key"] == .null)
    }
  }

  @Test("Open reservations count as used, and released ones do not")
  func reservations() async throws {
    let service = try await Service()
    let key = try await service.key()
    let id = try await service.reserve(#"{"tokens":7}"#, by: key)
    let call = RuntimeOperation.analytics.call(by: service.home.root)
    #expect(try await service.ask(call).object["total"]?["tokens"] == .whole(7))
    #expect(try await service.settle(id, by: key).status == 200)
    try await service.ask(call).expectBody(
      #"{"api_key":null,"total":{"usage":0,"tokens":0,"stt_duration":0},"deltas":{}}"#)
  }

  @Test("A sum above 2^63 − 1 is capped there")
  func largest() async throws {
    let service = try await Service()
    for _ in 1...2 {
      let key = try await service.key()
      try await service.store.setUsed(
        Amounts(tokens: .max / 2 + 1), by: key.key.id, in: service.home.organisation.id)
      service.clock.advance(seconds: 86_400)
    }
    let answer = try await service.ask(
      .runtime(
        .post, RuntimeOperation.analytics.path, by: service.home.root,
        json: #"{"start_date":"2024-01-15","end_date":"2024-01-16"}"#))
    #expect(try answer.object["total"]?["tokens"] == .whole(.max))
  }
}
