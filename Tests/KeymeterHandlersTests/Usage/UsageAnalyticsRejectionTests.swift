import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Usage analytics: rejections")
struct UsageAnalyticsRejectionTests {
  private static let days = #""start_date":"2024-01-01","end_date":"2024-01-31""#

  @Test("A child key gets 403, even with all scopes and for itself")
  func child() async throws {
    let service = try await Service()
    let key = try await service.key()
    let json = #"{\#(Self.days),"api_key_id":"\#(key.key.id.rawValue)"}"#
    for json in [json, RuntimeOperation.analyticsOfToday] {
      let answer = try await service.ask(
        .runtime(.post, RuntimeOperation.analytics.path, by: key, json: json))
      try expectProblem(answer, 403, code: "root_key_required")
    }
  }

  @Test(
    "An invalid day is rejected by name", arguments: ["start_date", "end_date"],
    [
      "\"2024-02-30\"", "\"2023-02-29\"", "\"2100-02-29\"", "\"2024-04-31\"", "\"2024-00-10\"",
      "\"2024-13-01\"",
      "\"2024-01-00\"", "\"2024-1-5\"", "\"24-01-05\"", "\"2024/01/05\"", "\"20240105\"", "\"05.01.2024\"",
      "\"2024-01-05T00:00:00Z\"", "\" 2024-01-05\"", "\"2024-01-05 \"", "\"\"", "\"0000-01-01\"",
      "\"+024-01-05\"",
      "\"today\"", "20240105", "null", "true", "[\"2024-01-05\"]", "\"\u{661}\u{660}24-01-05\"",
    ])
  func badDay(name: String, value: String) async throws {
    let other = name == "start_date" ? "end_date" : "start_date"
    try await expectRejection(#"{"\#(name)":\#(value),"\#(other)":"2024-01-15"}"#, fields: [name])
  }

  @Test("Both days are required")
  func missingDays() async throws {
    try await expectRejection("{}", fields: ["start_date", "end_date"])
    try await expectRejection(#"{"start_date":"2024-01-01"}"#, fields: ["end_date"])
    try await expectRejection(#"{"end_date":"2024-01-01"}"#, fields: ["start_date"])
  }

  @Test("An end before the start is rejected")
  func backwards() async throws {
    for (first, last) in [
      ("2024-01-02", "2024-01-01"), ("2024-02-01", "2024-01-31"), ("9999-12-31", "0001-01-01"),
    ] {
      try await expectRejection(#"{"start_date":"\#(first)","end_date":"\#(last)"}"#, fields: ["end_date"])
    }
  }

  @Test("api_key_id and api_key_ids exclude each other, even if they agree")
  func both() async throws {
    let keys = #""api_key_id":"key_1","api_key_ids":["key_1"]"#
    try await expectRejection("{\(Self.days),\(keys)}", fields: ["api_key_ids"])
  }

  @Test(
    "An invalid list of keys is rejected with the invalid element",
    arguments: [
      (value: "[]", field: "api_key_ids"), ("null", "api_key_ids"), ("\"key_1\"", "api_key_ids"),
      ("{}", "api_key_ids"), ("7", "api_key_ids"), ("[7]", "api_key_ids[0]"),
      ("[\"key_1\",null]", "api_key_ids[1]"), ("[[\"key_1\"]]", "api_key_ids[0]"),
    ])
  func badList(value: String, field: String) async throws {
    try await expectRejection(#"{\#(Self.days),"api_key_ids":\#(value)}"#, fields: [field])
  }

  @Test("A list of up to 1000 keys is accepted")
  func longList() async throws {
    let service = try await Service()
    let id = service.home.root.key.id.rawValue
    for (count, status) in [(1_000, 200), (1_001, 400)] {
      let list = Array(repeating: "\"\(id)\"", count: count).joined(separator: ",")
      let answer = try await service.ask(
        .runtime(
          .post, RuntimeOperation.analytics.path, by: service.home.root,
          json: #"{\#(Self.days),"api_key_ids":[\#(list)]}"#))
      #expect(answer.status == status)
    }
  }

  @Test("An api_key_id that is not a string is rejected, and so is an unknown member")
  func badMembers() async throws {
    try await expectRejection(#"{\#(Self.days),"api_key_id":7}"#, fields: ["api_key_id"])
    try await expectRejection(#"{\#(Self.days),"api_keys":["key_1"]}"#, fields: ["api_keys"])
    try await expectRejection(#"{\#(Self.days),"id":"key_1"}"#, fields: ["id"])
  }

  @Test("Another tenant's key gets 403 and an unknown one 404, anywhere in the list")
  func otherKeys() async throws {
    let service = try await Service()
    let own = service.home.root.key.id.rawValue
    let foreign = try await service.key(of: service.neighbour).key.id.rawValue
    for keys in [
      #""api_key_id":"\#(foreign)""#, #""api_key_ids":["\#(foreign)"]"#,
      #""api_key_ids":["\#(own)","\#(foreign)"]"#,
    ] {
      let answer = try await ask(keys, of: service)
      try expectProblem(answer, 403, code: "key_of_another_organisation")
    }
    for id in ["key_000000000000000000000000", "", "x", "rsv_1", "key_\\u0000"] {
      for keys in [#""api_key_id":"\#(id)""#, #""api_key_ids":["\#(own)","\#(id)"]"#] {
        let answer = try await ask(keys, of: service)
        try expectProblem(answer, 404, code: "key_not_found")
      }
    }
  }

  @Test("A deleted key of another tenant is unknown, even if it was used")
  func deletedForeignKey() async throws {
    let service = try await Service()
    let foreign = try await service.key(of: service.neighbour)
    #expect(try await service.ask(.verify(by: foreign)).status == 200)
    let call = Call.scrubs(
      .delete, query: "?id=\(foreign.key.id.rawValue)", by: service.neighbour.credentials)
    #expect(try await service.ask(call).status == 200)
    let answer = try await ask(#""api_key_id":"\#(foreign.key.id.rawValue)""#, of: service)
    try expectProblem(answer, 404, code: "key_not_found")
  }

  private func ask(_ keys: String, of service: Service) async throws -> Answer {
    try await service.ask(
      .runtime(
        .post, RuntimeOperation.analytics.path, by: service.home.root, json: "{\(Self.days),\(keys)}"))
  }

  private func expectRejection(
    _ json: String, fields: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let service = try await Service()
    let answer = try await service.ask(
      .runtime(.post, RuntimeOperation.analytics.path, by: service.home.root, json: json),
      sourceLocation: sourceLocation)
    try expectProblem(
      answer, 400, code: "body_invalid", fields: fields,
      sourceLocation: sourceLocation)
  }
}
