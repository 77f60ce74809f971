import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Verify 429: over a limit")
struct Verify429Tests {
  @Test("The problem has the registered type and says which limit is exceeded and by how much")
  func problem() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 10, tokens: 100))
    #expect(try await service.ask(.verify("?requests=7&tokens=40", by: key)).status == 200)
    let answer = try await service.askRejected(
      .verify("?requests=4&tokens=60", by: key).with(.requestIDHeader, "r1"))
    try expectQuotaExceeded(
      answer, violated: ["requests"], limit: 10, used: 7, asked: 4, resetsAt: "2024-02-01T00:00:00Z")
    #expect(answer.headers[.retryAfterHeader] == "1431000")
  }

  @Test(
    "A charge that exceeds one dimension is rejected in all three",
    arguments: [
      (query: "?requests=5&tokens=5&stt_secs=5", violated: [String]()),
      ("?requests=6&tokens=1&stt_secs=1", ["requests"]), ("?requests=1&tokens=6&stt_secs=1", ["tokens"]),
      ("?requests=1&tokens=1&stt_secs=6", ["stt_secs"]),
      ("?requests=1&tokens=6&stt_secs=6", ["tokens", "stt_secs"]),
      ("?requests=6&tokens=5&stt_secs=6", ["requests", "stt_secs"]),
      ("?requests=6&tokens=6&stt_secs=6", ["requests", "tokens", "stt_secs"]),
    ])
  func allOrNothing(query: String, violated: [String]) async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 5, tokens: 5, speechSeconds: 5))
    guard !violated.isEmpty else {
      #expect(try await service.ask(.verify(query, by: key)).status == 200)
      return
    }
    let answer = try await service.askRejected(.verify(query, by: key))
    try expectQuotaExceeded(
      answer, violated: violated, limit: 5, used: 0, asked: 6, resetsAt: "2024-02-01T00:00:00Z")
    #expect(try await service.used(by: key) == .zero)
    // The rejection has used up nothing.
    #expect(
      try await service.ask(.verify("?requests=5&tokens=5&stt_secs=5", by: key)).status == 200)
  }

  @Test("A limit of 0 allows nothing but a charge of 0")
  func zero() async throws {
    let service = try await Service()
    for dimension in Dimension.allCases {
      var limits = MonthlyLimits.unrestricted
      limits[dimension] = 0
      let key = try await service.key(limits)
      let answer = try await service.askRejected(.verify("?requests=1&tokens=1&stt_secs=1", by: key))
      try expectQuotaExceeded(
        answer, violated: [dimension.rawValue], limit: 0, used: 0, asked: 1, resetsAt: "2024-02-01T00:00:00Z")
      let others = Dimension.allCases.map { "\($0.rawValue)=\($0 == dimension ? 0 : 1)" }
      #expect(try await service.ask(.verify("?" + others.joined(separator: "&"), by: key)).status == 200)
    }
  }

  @Test("A smaller charge after a rejected one is admitted if it fits")
  func smaller() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 10))
    for (tokens, status) in [(7, 200), (4, 429), (3, 200), (1, 429), (0, 200)] {
      #expect(try await service.ask(.verify("?tokens=\(tokens)", by: key)).status == status)
    }
    #expect(try await service.used(by: key) == Amounts(requests: 3, tokens: 10))
  }

  @Test("A dimension over its limit by recording only rejects charges in that dimension")
  func recordedBeyond() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 10))
    #expect(try await service.record(#"{"tokens":50}"#, by: key).status == 200)
    #expect(try await service.ask(.verify(by: key)).status == 200)
    let answer = try await service.askRejected(.verify("?tokens=1", by: key))
    try expectQuotaExceeded(
      answer, violated: ["tokens"], limit: 10, used: 50, asked: 1, resetsAt: "2024-02-01T00:00:00Z")
  }

  @Test("The largest charge fits the largest limit exactly once")
  func largest() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: MonthlyLimits.largest))
    #expect(try await service.ask(.verify("?requests=9007199254740991", by: key)).status == 200)
    let answer = try await service.askRejected(.verify("?requests=9007199254740991", by: key))
    try expectQuotaExceeded(
      answer, violated: ["requests"], limit: MonthlyLimits.largest, used: MonthlyLimits.largest,
      asked: MonthlyLimits.largest, resetsAt: "2024-02-01T00:00:00Z")
  }

  @Test("deny_status=403 gives nginx a status it supports, with the same problem")
  func denyStatus() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 0))
    for (query, status) in [("", 429), ("?deny_status=429", 429), ("?deny_status=403", 403)] {
      let answer = try await service.askRejected(.verify(query, by: key))
      try expectQuotaExceeded(
        answer, status: status, violated: ["requests"], limit: 0, used: 0, asked: 1,
        resetsAt: "2024-02-01T00:00:00Z")
    }
  }

  @Test("A reservation over the limit gets the same 429 and holds nothing")
  func reservation() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 5, tokens: 100))
    _ = try await service.reserve(#"{"tokens":60}"#, by: key)
    let answer = try await service.askRejected(
      .runtime(.post, RuntimeOperation.reserve.path, by: key, json: #"{"requests":6,"tokens":41}"#))
    try expectQuotaExceeded(
      answer, violated: ["requests", "tokens"], limit: 5, used: 0, asked: 6,
      resetsAt: "2024-02-01T00:00:00Z")
    let tokens = try await service.askRejected(
      .runtime(.post, RuntimeOperation.reserve.path, by: key, json: #"{"tokens":41}"#).asScrubs())
    try expectQuotaExceeded(
      tokens, violated: ["tokens"], limit: 100, used: 60, asked: 41, resetsAt: "2024-02-01T00:00:00Z")
    _ = try await service.reserve(#"{"tokens":40,"requests":5}"#, by: key)
  }

  /// Expects the problem of an exceeded quota, with the first of `violated`.
  private func expectQuotaExceeded(
    _ answer: Answer, status: Int = 429, violated: [String], limit: Int64, used: Int64, asked: Int64,
    resetsAt: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(answer.status == status, sourceLocation: sourceLocation)
    let policies = violated.map { "\"\($0)\"" }.joined(separator: ",")
    try answer.expectBody(
      """
      {"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",
       "title":"Quota exceeded.","status":\(status),"detail":"\(try answer.text("detail"))",
       "code":"quota_exceeded","request_id":"\(try answer.text("request_id"))",
       "violated-policies":[\(policies)],"dimension":"\(violated.first ?? "")",
       "limit":\(limit),"used":\(used),"asked":\(asked),"resets_at":"\(resetsAt)"}
      """, sourceLocation: sourceLocation)
    #expect(
      answer.headers[values: .contentType] == ["application/problem+json"], sourceLocation: sourceLocation)
    #expect(answer.headers[values: .cacheControl] == ["no-store"], sourceLocation: sourceLocation)
    #expect(answer.headers[values: .reasonHeader] == ["over_limit"], sourceLocation: sourceLocation)
    let wait = answer.headers[values: .retryAfterHeader].compactMap { Int64($0) }
    #expect(wait.count == 1 && wait.allSatisfy { $0 > 0 }, sourceLocation: sourceLocation)
    let fields = try RateLimits(answer.headers)
    #expect(
      Set(fields.policies.map(\.name)).isSuperset(of: violated), "the violated policy must be reported",
      sourceLocation: sourceLocation)
    #expect(fields.limits.first?.reset == wait.first, sourceLocation: sourceLocation)
  }
}
