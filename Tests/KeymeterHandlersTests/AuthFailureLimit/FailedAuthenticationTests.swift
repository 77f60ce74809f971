import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import MetricsTestKit
import Testing

@testable import KeymeterHandlers

@Suite("429: too many failed authentications from one address", .timeLimit(.minutes(10)))
struct FailedAuthenticationTests {
  private static let none = TrustedProxies([])
  /// A key that was never issued.
  private static func unknownKey(_ seed: UInt64 = 1) -> KeySecret {
    var random = RandomSource.seeded(seed)
    return KeySecret(environment: .production, random: &random)
  }

  private func scrubs(_ service: WatchedService, _ secret: KeySecret? = nil) -> Call {
    let home = service.service.home.credentials
    return .scrubs(
      .get, by: Credentials(secret: secret ?? Self.unknownKey(), provider: home.provider))
  }

  private func verify(_ secret: KeySecret? = nil, query: String = "") -> Call {
    Call(.get, Call.verifyPath + query).with(.apiKeyHeader, (secret ?? Self.unknownKey()).revealed)
  }

  @Test(
    "Scrubs: an address over the failure limit is rejected in the dialect's form, and other addresses are not"
  )
  func scrubsRejection() async throws {
    let service = try await WatchedService()
    for _ in 0..<3 { #expect(try await service.ask(scrubs(service)).status == 401) }
    let refused = try await service.ask(scrubs(service))
    try expectProblem(refused, 429, code: "too_many_failures")
    #expect(refused.headers[.retryAfterHeader] == "20")
    #expect(refused.headers[.reasonHeader] == "too_many_failures")
    #expect(try await service.ask(scrubs(service), from: "192.0.2.2").status == 401)
    #expect(try await service.ask(scrubs(service), from: "::ffff:192.0.2.1").status == 429)
    service.clock.advance(.seconds(20))
    #expect(try await service.ask(scrubs(service)).status == 401)
    #expect(try await service.ask(scrubs(service)).status == 429)
  }

  @Test("Scrubbe: the rejection has the envelope", arguments: ScrubbeOperation.allCases)
  func scrubbeRejection(operation: ScrubbeOperation) async throws {
    let service = try await WatchedService()
    let call = Call(operation.method, operation.path(KeyID(rawValue: "key_0")))
      .with(.apiKeyHeader, Self.unknownKey().revealed)
    for _ in 0..<3 { #expect(try await service.ask(call).status == 401) }
    let refused = try await service.ask(call)
    #expect(refused.status == 429)
    #expect(try refused.object["success"] == .bool(false))
    #expect(try refused.text("code") == "too_many_failures")
    #expect(refused.headers[.retryAfterHeader] == "20")
  }

  @Test(
    "Runtime API: an address over the failure limit is rejected if the proxies are configured",
    arguments: RuntimeOperation.allCases)
  func runtimeRejection(operation: RuntimeOperation) async throws {
    let service = try await WatchedService(proxies: Self.none)
    let call = operation.call(by: service.service.home.root)
      .with(.apiKeyHeader, Self.unknownKey().revealed)
    for _ in 0..<3 { #expect(try await service.ask(call).status == 401) }
    let refused = try await service.ask(call)
    try expectProblem(refused, 429, code: "too_many_failures")
    #expect(refused.headers[.reasonHeader] == "too_many_failures")
  }

  @Test("A rejected request never reaches the store", arguments: RuntimeOperation.allCases)
  func storeNotAsked(operation: RuntimeOperation) async throws {
    let service = try await WatchedService(proxies: Self.none)
    let call = operation.call(by: service.service.home.root)
      .with(.apiKeyHeader, Self.unknownKey().revealed)
    for _ in 0..<3 { _ = try await service.ask(call) }
    service.service.store.fail(with: StoreError.unavailable(reason: "must not be asked"))
    #expect(try await service.ask(call).status == 429)
    #expect(try await service.ask(scrubs(service)).status == 429)
    #expect(try await service.ask(call, from: "192.0.2.2").status == 503)
  }

  @Test("deny_status=403 applies to this rejection too, for gateways that do not support 429")
  func denyStatus() async throws {
    let service = try await WatchedService(proxies: Self.none)
    for _ in 0..<3 { _ = try await service.ask(verify()) }
    let refused = try await service.ask(verify(query: "?deny_status=403"))
    try expectProblem(refused, 403, code: "too_many_failures")
    #expect(refused.headers[.retryAfterHeader] == "20")
  }

  @Test("A key known to the node still works from an address over the limit, and an unknown one is rejected")
  func provenKeys() async throws {
    let service = try await WatchedService(proxies: Self.none)
    let verified = try await service.service.key()
    let managing = service.service.home.root
    let waiting = try await service.service.key()
    #expect(try await service.ask(verify(verified.secret), from: "198.51.100.1").status == 200)
    #expect(try await service.ask(scrubs(service, managing.secret)).status == 200)
    for _ in 0..<3 { _ = try await service.ask(verify()) }
    for _ in 0..<3 {
      #expect(try await service.ask(verify(verified.secret)).status == 200)
      #expect(try await service.ask(scrubs(service, managing.secret)).status == 200)
      #expect(try await service.ask(verify(waiting.secret)).status == 429)
    }
    #expect(try await service.ask(verify(waiting.secret), from: "198.51.100.1").status == 200)
    #expect(try await service.ask(verify(waiting.secret)).status == 200)
  }

  @Test("A known key that is revoked gets one more 401 and is then rejected like any other")
  func provenNoMore() async throws {
    let service = try await WatchedService(proxies: Self.none)
    let key = try await service.service.key()
    #expect(try await service.ask(verify(key.secret)).status == 200)
    for _ in 0..<3 { _ = try await service.ask(verify()) }
    try await service.service.store.revoke(key.key.id)
    #expect(try await service.ask(verify(key.secret)).status == 401)
    #expect(try await service.ask(verify(key.secret)).status == 429)
  }

  @Test("Malformed, unknown, revoked and expired keys and unknown providers count as failures")
  func whatCounts() async throws {
    for kind in 0..<5 {
      let service = try await WatchedService(limit: 1, proxies: Self.none)
      let key = try await service.service.child(expiresIn: 60)
      if kind == 2 { try await service.service.store.revoke(key.key.id) }
      if kind == 3 { service.service.clock.advance(seconds: 60) }
      let call =
        switch kind {
        case 0: verify().with(.apiKeyHeader, "sk_live_x")
        case 1: verify()
        case 2, 3: verify(key.secret)
        default: verify(key.secret).asScrubs(provider: "unknown")
        }
      #expect(try await service.ask(call).status == 401)
      let reason = ["malformed_key", "unknown_key", "revoked", "expired", "unknown_provider"][kind]
      #expect(try service.failures(reason, counted: "yes") == 1, "\(reason)")
      #expect(try await service.ask(verify(Self.unknownKey(2))).status == 429, "\(reason)")
    }
  }

  @Test("A request without credentials does not count as a failure")
  func withoutCredentials() async throws {
    let service = try await WatchedService(proxies: Self.none)
    for _ in 0..<10 {
      #expect(try await service.ask(verify().with(.apiKeyHeader, nil)).status == 401)
      #expect(try await service.ask(scrubs(service).with(.keyHeader, nil)).status == 401)
    }
    #expect(try service.failures("credentials_missing", counted: "no") == 20)
    #expect(try await service.ask(verify()).status == 401)
  }

  @Test("A rejection of an authentic key does not count as a failure")
  func authenticRefusals() async throws {
    let service = try await WatchedService(proxies: Self.none)
    let child = try await service.service.child(
      limits: MonthlyLimits(requests: 0, tokens: nil, speechSeconds: nil))
    for _ in 0..<5 {
      #expect(try await service.ask(verify(child.secret)).status == 429)
      #expect(try await service.ask(verify(child.secret, query: "?scopes=a")).status == 400)
      #expect(try await service.ask(verify(child.secret, query: "?environment=STAGING")).status == 403)
      let listing = Call.scrubs(
        .get, query: "?list_all=true",
        by: Credentials(secret: child.secret, provider: service.service.home.credentials.provider))
      #expect(try await service.ask(listing).status == 403)
    }
    #expect(try await service.ask(verify()).status == 401)
  }

  @Test("Without configured proxies the runtime API never rejects an address")
  func undeclaredRuntime() async throws {
    let service = try await WatchedService()
    for _ in 0..<10 { #expect(try await service.ask(verify()).status == 401) }
    #expect(try service.failures("unknown_key", counted: "no") == 10)
    #expect(try await service.ask(scrubs(service)).status == 401)
  }

  @Test("Without configured proxies a forwarded request is not attributed to an address")
  func undeclaredForwarded() async throws {
    let service = try await WatchedService()
    for _ in 0..<10 {
      #expect(try await service.ask(scrubs(service), forwardedFor: "198.51.100.1").status == 401)
      #expect(try await service.ask(scrubs(service).with(.forwardedHeader, "for=_x")).status == 401)
    }
    #expect(try service.failures("not_active", counted: "no") == 20)
    for _ in 0..<3 { #expect(try await service.ask(scrubs(service)).status == 401) }
    #expect(try await service.ask(scrubs(service)).status == 429)
    #expect(try await service.ask(scrubs(service), forwardedFor: "198.51.100.1").status == 401)
  }

  @Test("With configured proxies X-Forwarded-For from any other peer is ignored")
  func declaredHeaderIgnored() async throws {
    let proxies = TrustedProxies([try AddressRange(validating: "10.0.0.0/8", field: "")])
    for proxies in [Self.none, proxies] {
      let service = try await WatchedService(proxies: proxies)
      for number in 0..<3 {
        #expect(try await service.ask(verify(), forwardedFor: "198.51.100.\(number)").status == 401)
      }
      #expect(try await service.ask(verify(), forwardedFor: "198.51.100.9").status == 429)
      #expect(try await service.ask(scrubs(service), forwardedFor: "10.0.0.1").status == 429)
    }
  }

  @Test("A trusted proxy's clients have separate limits, and the proxy itself is never rejected")
  func trustedProxy() async throws {
    let proxies = TrustedProxies([try AddressRange(validating: "10.0.0.0/8", field: "")])
    let service = try await WatchedService(proxies: proxies)
    func ask(_ client: String...) async throws -> Int {
      var call = verify()
      for line in client { call = call.adding(.forwardedForHeader, line) }
      return try await service.ask(call, from: "10.0.0.1").status
    }
    for _ in 0..<3 { #expect(try await ask("198.51.100.7, 192.0.2.1") == 401) }
    #expect(try await ask("198.51.100.8", "192.0.2.1") == 429)
    #expect(try await ask("192.0.2.1, 10.0.0.2") == 429)
    #expect(try await ask("192.0.2.1, 192.0.2.2") == 401)
    #expect(try await service.ask(verify(), from: "192.0.2.1").status == 429, "the same client, directly")
    for _ in 0..<10 {
      #expect(try await service.ask(verify(), from: "10.0.0.1").status == 401)
      #expect(try await ask("192.0.2.1, garbage") == 401)
    }
  }

  @Test("An unknown address is never rejected, and no address is if there is no limit")
  func unlimited() async throws {
    let addressless = try await WatchedService(proxies: Self.none)
    let limitless = try await WatchedService(limit: nil, proxies: Self.none)
    for _ in 0..<10 {
      #expect(try await addressless.ask(verify(), from: nil).status == 401)
      #expect(try await limitless.ask(verify()).status == 401)
    }
    #expect(try limitless.failures("unknown_key", counted: "no") == 10)
  }

  @Test(
    "Unsigned leak reports count and are logged up to the limit, and signed ones are always accepted")
  func reports() async throws {
    let gitHub = GitHubSigner()
    let service = try await WatchedService(gitHub: gitHub)
    let leaked = try await service.service.child()
    let report = try gitHub.report(of: [leaked.secret.revealed])
    let unsigned = [
      report.with(.gitHubSignatureHeader, try GitHubSigner().signature(of: [])),
      report.with(.gitHubIdentifierHeader, "f00"), report.with(.gitHubSignatureHeader, nil),
    ]
    for call in unsigned { #expect(try await service.ask(call).status == 401) }
    for call in unsigned {
      let refused = try await service.ask(call)
      try expectProblem(refused, 429, code: "too_many_failures")
      #expect(refused.headers[.retryAfterHeader] == "20")
    }
    #expect(try await service.ask(scrubs(service)).status == 429, "one limit for all routes")
    #expect(service.log.ids.count == 3)
    #expect(try service.failures("report_unsigned", counted: "yes") == 3)
    #expect(try await service.ask(unsigned[0], from: "192.0.2.2").status == 401)
    #expect(try await service.ask(report).status == 200)
    #expect(try await service.ask(verify(leaked.secret), from: "192.0.2.3").status == 401)
    service.clock.advance(.seconds(20))
    #expect(try await service.ask(unsigned[0]).status == 401)
  }

  @Test("Metrics report failures by reason, rejections and the number of failing addresses")
  func measured() async throws {
    let service = try await WatchedService(proxies: Self.none)
    for _ in 0..<5 { _ = try await service.ask(verify()) }
    _ = try await service.ask(scrubs(service), from: "2001:db8::1")
    _ = try await service.ask(scrubs(service), from: "2001:db8::2")
    #expect(try service.failures("unknown_key", counted: "yes") == 3)
    #expect(try service.failures("not_active", counted: "yes") == 2)
    #expect(try service.metrics.expectCounter("keymeter_authentication_rejections_total").totalValue == 2)
    service.watch.recordGauges()
    #expect(try service.metrics.expectGauge("keymeter_authentication_addresses").lastValue == 2)
    service.clock.advance(.seconds(60))
    service.watch.recordGauges()
    #expect(try service.metrics.expectGauge("keymeter_authentication_addresses").lastValue == 0)
  }
}
