import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Runtime: RateLimit-Policy and RateLimit")
struct RuntimeRateLimitTests {
  /// From 2024-01-15T10:30:00Z until February.
  private static let untilFebruary: Int64 = 1_431_000
  private static let january: Int64 = 2_678_400

  /// Limits, and the expected fields.
  private static let largestNumbers: [(limit: Int64, reported: Int64)] = [
    (0, 0), (1, 1), (999_999_999_999_999, 999_999_999_999_999),
    (1_000_000_000_000_000, 999_999_999_999_999), (MonthlyLimits.largest, 999_999_999_999_999),
  ]

  /// Times, the days of their month, and the seconds left in it.
  private static let moments: [(now: String, days: Int64, left: Int64)] = [
    ("2024-01-31T23:59:59Z", 31, 1),
    ("2024-02-01T00:00:00Z", 29, 29 * 86_400), ("2024-02-29T12:00:00Z", 29, 43_200),
    ("2024-04-30T23:59:00Z", 30, 60), ("2024-12-31T23:59:58Z", 31, 2),
    ("2025-01-01T00:00:00Z", 31, 31 * 86_400), ("2025-02-28T23:00:00Z", 28, 3_600),
    ("2100-02-28T00:00:00Z", 28, 86_400), ("2400-02-28T00:00:00Z", 29, 2 * 86_400),
  ]

  @Test("Both fields report every limited dimension in the draft's terms")
  func allDimensions() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 10, tokens: 2_000, speechSeconds: 60))
    let answer = try await service.ask(.verify("?requests=3&tokens=500", by: key))
    let fields = try RateLimits(answer.headers)
    #expect(
      fields.policies == [
        QuotaPolicy(name: "requests", quota: 10, window: Self.january, unit: nil),
        QuotaPolicy(name: "tokens", quota: 2_000, window: Self.january, unit: "tokens"),
        QuotaPolicy(name: "stt_secs", quota: 60, window: Self.january, unit: "stt_secs"),
      ])
    #expect(
      fields.limits == [
        ServiceLimit(name: "requests", remaining: 7, reset: Self.untilFebruary),
        ServiceLimit(name: "tokens", remaining: 1_500, reset: Self.untilFebruary),
        ServiceLimit(name: "stt_secs", remaining: 60, reset: Self.untilFebruary),
      ])
  }

  @Test("Only limited dimensions are reported")
  func limitedOnly() async throws {
    for chosen in 0..<8 {
      let service = try await Service()
      var limits = MonthlyLimits.unrestricted
      var names: [String] = []
      for (index, dimension) in Dimension.allCases.enumerated() where chosen & (1 << index) != 0 {
        limits[dimension] = 100
        names.append(dimension.rawValue)
      }
      let key = try await service.key(limits)
      let answer = try await service.ask(.verify("?tokens=1&stt_secs=1", by: key))
      let fields = try RateLimits(answer.headers)
      #expect(fields.policies.map(\.name) == names)
      #expect(fields.limits.map(\.remaining) == names.map { _ in 99 })
      #expect((answer.headers[.rateLimitHeader] == nil) == names.isEmpty)
      #expect((answer.headers[.rateLimitPolicyHeader] == nil) == names.isEmpty)
    }
  }

  @Test(
    "A number above a structured field's 15 digits is reported as the largest possible",
    arguments: largestNumbers)
  func largest(limit: Int64, reported: Int64) async throws {
    let service = try await Service()
    let key = try await service.key(
      MonthlyLimits(requests: MonthlyLimits.largest, tokens: limit, speechSeconds: limit))
    let answer = try await service.ask(.verify(by: key))
    let fields = try RateLimits(answer.headers)
    #expect(fields.policies.map(\.quota) == [999_999_999_999_999, reported, reported])
    #expect(fields.limits.map(\.remaining) == [999_999_999_999_999, reported, reported])
    #expect(try answer.meter(.tokens, "limit") == .whole(limit), "the body has the full number")
  }

  @Test(
    "The window is the length of the month, and the reset is its end by the store's clock",
    arguments: moments)
  func months(now: String, days: Int64, left: Int64) async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 5))
    try service.clock.advance(to: now)
    let fields = try RateLimits(try await service.ask(.verify(by: key)).headers)
    #expect(
      fields.policies == [QuotaPolicy(name: "requests", quota: 5, window: days * 86_400, unit: nil)])
    #expect(fields.limits == [ServiceLimit(name: "requests", remaining: 4, reset: left)])
  }

  @Test("A partial second until the reset is rounded up, so a client that waits finds the new month")
  func partOfASecond() throws {
    for (micros, left) in [(1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] as [(Int64, Int64)] {
      let end = try #require(Timestamp(rfc3339: "2024-02-01T00:00:00Z"))
      let standing = KeyUsageSnapshot(
        keyID: KeyID(rawValue: "key_1"), organisationID: OrganisationID(rawValue: "org_1"),
        environment: .production, scopes: [], limits: MonthlyLimits(requests: 1), used: .zero,
        judgedAt: Timestamp(microseconds: end.microseconds - micros))
      var headers: HTTPFields = [:]
      RateLimitFields.add(standing, to: &headers)
      #expect(try RateLimits(headers).limits.first?.reset == left)
    }
  }

  @Test("Every metered response has the fields: rejections, reservations, settlements, records and usage")
  func everyAnswer() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 10), scopes: ["a:b"])
    let reservation = try await service.ask(
      .runtime(.post, RuntimeOperation.reserve.path, by: key, json: #"{"requests":4}"#))
    let answers = [
      reservation,
      try await service.settle(try reservation.text("reservation_id"), #""requests":4"#, by: key),
      try await service.ask(.verify("?requests=7", by: key)),
      try await service.ask(.verify("?requests=7&deny_status=403", by: key)),
      try await service.ask(.verify("?scope=x", by: key)),
      try await service.ask(.verify("?environment=STAGING", by: key)),
      try await service.ask(.runtime(.get, RuntimeOperation.usage.path, by: key)),
      try await service.ask(
        .runtime(.post, RuntimeOperation.reserve.path, by: key, json: #"{"requests":7}"#)),
      try await service.record("{}", by: key),
    ]
    #expect(answers.map(\.status) == [201, 200, 429, 403, 403, 403, 200, 429, 200])
    for answer in answers {
      #expect(
        try RateLimits(answer.headers).limits == [
          ServiceLimit(name: "requests", remaining: 6, reset: Self.untilFebruary)
        ])
    }
  }

  @Test("Usage above the limit leaves 0 remaining and never a negative number")
  func beyond() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 2, tokens: 0))
    let answer = try await service.record(#"{"requests":50,"tokens":1}"#, by: key)
    #expect(try RateLimits(answer.headers).limits.map(\.remaining) == [0, 0])
    #expect(try answer.meter(.requests, "remaining") == .whole(0))
  }

  @Test("Unmetered calls and unauthenticated callers get no rate limit fields")
  func unmetered() async throws {
    let service = try await Service()
    let root = service.home.root
    let limited = #"{"id":"\#(root.key.id.rawValue)","usage_limit":5}"#
    #expect(try await service.asRoot(.put, json: limited).status == 200)
    let calls = [
      RuntimeOperation.analytics.call(by: root), .verify(by: root).asScrubs(provider: "unknown"),
      .verify("?scopes=a", by: root),
    ]
    for (call, status) in zip(calls, [200, 401, 400]) {
      let answer = try await service.ask(call)
      #expect(answer.status == status)
      #expect(answer.headers[.rateLimitHeader] == nil && answer.headers[.rateLimitPolicyHeader] == nil)
    }
  }
}
