import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Idempotency-Key: retries")
struct ReplayTests {
  @Test(
    "A retry has no second effect and gets the first response: status, headers and body, byte for byte",
    arguments: RepeatedCall.allCases)
  func replayed(call: RepeatedCall) async throws {
    let service = try await Service()
    let root = service.home.root
    let first = try await service.send(call.call("order-7", by: root))
    #expect(first.status == call.status)
    #expect(first.headers[.idempotencyReplayedHeader] == nil)
    // A new response would differ by now.
    service.clock.advance(seconds: 3_600)
    _ = try await service.record(#"{"requests":2}"#, by: service.key())
    for _ in 0..<2 {
      let again = try await service.send(call.call("order-7", by: root))
      #expect(again.status == first.status)
      #expect(again.bytes == first.bytes)
      #expect(again.headers[values: .idempotencyReplayedHeader] == ["true"])
      #expect(again.headers.without(.idempotencyReplayedHeader) == first.headers.without(nil))
    }
    #expect(try await call.effects(of: root, on: service) == (call == .create ? 2 : 1))
  }

  @Test("A created key's secret is in the first response and the replay, and works")
  func secret() async throws {
    let service = try await Service()
    let call = RepeatedCall.create.call("k", by: service.home.root)
    let secret = try await service.send(call).text("apiKey")
    #expect(secret.holdsKeySecret)
    let again = try await service.send(call)
    #expect(try again.text("apiKey") == secret)
    let own = try await service.send(
      Call(.get).with(.keyHeader, secret).with(.providerHeader, "home"))
    #expect(try own.text("id") == again.text("id"))
  }

  @Test("Quoted or bare and with both kinds of credentials, it is the same idempotency key")
  func spellings() async throws {
    let service = try await Service()
    let root = service.home.root
    let bare = RepeatedCall.record.call(#"a"b\c"#, by: root)
    let first = try await service.send(bare)
    for again in [bare.with(.idempotencyKeyHeader, #""a\"b\\c""#), bare.asRuntime] {
      let answer = try await service.send(again)
      #expect(answer.bytes == first.bytes)
      #expect(answer.headers[.idempotencyReplayedHeader] == "true")
    }
  }

  @Test("A replay has the metering headers of the first response")
  func rateLimit() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 10))
    let call = RepeatedCall.reserve.call("k", by: key)
    let first = try await service.send(call)
    #expect(first.headers[.rateLimitHeader]?.contains("r=8") == true)
    _ = try await service.record(#"{"requests":5}"#, by: key)
    let again = try await service.send(call)
    #expect(again.headers[.rateLimitHeader] == first.headers[.rateLimitHeader])
    #expect(again.headers[.rateLimitPolicyHeader] == first.headers[.rateLimitPolicyHeader])
    #expect(again.headers[.keyIDHeader] == key.key.id.rawValue)
  }

  @Test(
    "Without the header, or with different ones, each request takes effect",
    arguments: RepeatedCall.allCases)
  func unnamed(call: RepeatedCall) async throws {
    let service = try await Service()
    let root = service.home.root
    for name in [nil, nil, "a", "A", "a "] as [String?] {
      #expect(try await service.send(call.call(name, by: root)).status == call.status)
    }
    // White space at the ends of a field value is trimmed, so "a " equals "a".
    #expect(try await call.effects(of: root, on: service) == 4)
  }

  @Test("Idempotency keys are scoped to an API key")
  func scoped() async throws {
    let service = try await Service()
    let (one, other) = (try await service.key(), try await service.key())
    let first = try await service.send(RepeatedCall.record.call("k", by: one))
    let second = try await service.send(
      RepeatedCall.record.call("k", body: #"{"requests":9}"#, by: other))
    #expect(second.status == 200 && second.headers[.idempotencyReplayedHeader] == nil)
    #expect(try await service.used(by: other).requests == 9)
    #expect(first.headers[.keyIDHeader] != second.headers[.keyIDHeader])
  }

  @Test(
    "The idempotency key is free again after 24 hours, whether or not it was purged",
    arguments: [false, true])
  func expired(swept: Bool) async throws {
    let service = try await Service()
    let call = RepeatedCall.record.call("k", by: service.home.root)
    _ = try await service.send(call)
    service.clock.advance(seconds: 86_399)
    #expect(try await service.send(call).headers[.idempotencyReplayedHeader] == "true")
    service.clock.advance(seconds: 1)
    if swept { #expect(try await service.store.purgeAnswers() == 1) }
    #expect(try await service.send(call).headers[.idempotencyReplayedHeader] == nil)
    #expect(try await service.used(by: service.home.root).requests == 4)
    #expect(try await service.send(call).headers[.idempotencyReplayedHeader] == "true")
  }

  @Test("A caller that no longer authenticates gets 401 instead of the first response")
  func authentic() async throws {
    let service = try await Service()
    let key = try await service.key()
    let calls = [RepeatedCall.reserve, .record].map { $0.call("\($0)", by: key) }
    for call in calls { _ = try await service.send(call) }
    try await service.store.revoke(key.key.id)
    for call in calls { #expect(try await service.send(call).status == 401) }
    let create = RepeatedCall.create.call("k", by: service.home.root)
    _ = try await service.send(create)
    try await service.store.revoke(service.home.root.key.id)
    #expect(try await service.send(create).status == 401)
  }
}

extension HTTPFields {
  /// The fields without the given one and those that differ in every response.
  fileprivate func without(_ name: HTTPField.Name?) -> HTTPFields {
    var fields = self
    for other in [name, .requestIDHeader, .date].compactMap(\.self) { fields[other] = nil }
    return fields
  }
}

extension Call {
  /// The same call with the runtime API's header.
  fileprivate var asRuntime: Call {
    with(.apiKeyHeader, headers[.keyHeader]).with(.keyHeader, nil).with(.providerHeader, nil)
  }
}
