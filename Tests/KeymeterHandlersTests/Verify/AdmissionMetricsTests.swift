import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Metrics of admission decisions")
struct AdmissionMetricsTests {
  /// The admission metrics among all that changed.
  private func decisions(_ moved: [String: Double]) -> [String: Double] {
    moved.filter { $0.key.hasPrefix("keymeter_admissions_total") }
  }

  private func decision(_ call: String, _ outcome: String, _ dimension: String = "") -> [String: Double] {
    [#"keymeter_admissions_total{call="\#(call)",outcome="\#(outcome)",dimension="\#(dimension)"}"#: 1]
  }

  @Test(
    "A rejection over a limit is counted by dimension",
    arguments: [("requests=1", "requests"), ("tokens=6", "tokens"), ("stt_secs=8", "stt_secs")])
  func overLimit(query: String, dimension: String) async throws {
    let measured = try await MeasuredService()
    let limits = MonthlyLimits(requests: dimension == "requests" ? 0 : nil, tokens: 5, speechSeconds: 7)
    let key = try await measured.service.key(limits)
    for deny in ["", "&deny_status=403"] {
      let call = Call.verify("?\(query)\(deny)", by: key)
      let moved = try await measured.moved(by: call, status: deny.isEmpty ? 429 : 403)
      #expect(decisions(moved) == decision("verify", "over_limit", dimension))
    }
    let body =
      #"{"requests":1,"tokens":\#(dimension == "tokens" ? 6 : 0),"stt_secs":\#(dimension == "stt_secs" ? 8 : 0)}"#
    let call = Call.runtime(.post, RuntimeOperation.reserve.path, by: key, json: body)
    #expect(
      decisions(try await measured.moved(by: call, status: 429))
        == decision("reserve", "over_limit", dimension))
  }

  @Test("Verify and reserve count every other outcome", arguments: ["verify", "reserve"])
  func outcomes(name: String) async throws {
    let measured = try await MeasuredService()
    let service = measured.service
    func moved(
      _ key: IssuedKey, _ status: Int, from address: String = "192.0.2.1", provider: String? = nil
    )
      async throws -> [String: Double]
    {
      let operation: RuntimeOperation = name == "verify" ? .verify : .reserve
      var call = operation.call(by: key)
      if let provider {
        call = call.with(.apiKeyHeader, nil).with(.keyHeader, key.secret.revealed).with(
          .providerHeader, provider)
      }
      return decisions(try await measured.moved(by: call, status: status, from: address))
    }
    let key = try await service.key()
    #expect(try await moved(key, name == "verify" ? 200 : 201) == decision(name, "admitted"))
    #expect(try await moved(key, 401, provider: "unknown") == decision(name, "unknown_provider"))
    #expect(try await moved(key, 401, provider: "neighbour") == decision(name, "unknown_key"))

    let expired = try await service.key()
    try await service.store.expire(expired.key.id)
    #expect(try await moved(expired, 401) == decision(name, "expired"))
    try await service.store.revoke(expired.key.id)
    #expect(try await moved(expired, 401) == decision(name, "revoked"))

    let bound = try await service.child()
    _ = try await service.keys.update(
      KeyUpdate(id: bound.key.id, allowedAddresses: .set(try .test(["198.51.100.0/24"]))),
      by: service.home.credentials)
    #expect(try await moved(bound, 403) == decision(name, "address_not_allowed"))

    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    #expect(try await moved(key, 503) == decision(name, "unavailable"))
  }

  @Test("Verify counts rejections by scope and environment")
  func required() async throws {
    let measured = try await MeasuredService()
    let key = try await measured.service.key(scopes: ["a"])
    var moved = try await measured.moved(by: .verify("?scope=b", by: key), status: 403)
    #expect(decisions(moved) == decision("verify", "scope_missing"))
    moved = try await measured.moved(by: .verify("?environment=STAGING", by: key), status: 403)
    #expect(decisions(moved) == decision("verify", "environment_mismatch"))
  }

  @Test("A retried reservation is counted once, and an invalid one is not counted")
  func repeated() async throws {
    let measured = try await MeasuredService()
    let call = RepeatedCall.reserve.call("name", by: measured.service.home.root)
    #expect(decisions(try await measured.moved(by: call, status: 201)) == decision("reserve", "admitted"))
    #expect(decisions(try await measured.moved(by: call, status: 201)) == [:])
    let other = RepeatedCall.reserve.call(
      "name", body: RepeatedCall.reserve.bodies.other, by: measured.service.home.root)
    #expect(decisions(try await measured.moved(by: other, status: 422)) == [:])
    let invalid = RuntimeOperation.reserve.invalidCall(by: measured.service.home.root)
    #expect(decisions(try await measured.moved(by: invalid, status: 400)) == [:])
  }

  @Test("A request over the failure limit is not counted as an admission but as an authentication rejection")
  func rejectedBeforehand() async throws {
    let measured = try await MeasuredService(limit: 1)
    let neighbour = try await measured.service.key(of: measured.service.neighbour)
    let foreign = Call.runtime(.get, Call.verifyPath, by: neighbour).asScrubs()
    var moved = try await measured.moved(by: foreign, status: 401)
    #expect(decisions(moved) == decision("verify", "unknown_key"))
    moved = try await measured.moved(by: foreign, status: 429)
    #expect(
      moved == [
        #"keymeter_http_requests_total{route="/api/v1/verify",method="any",status="429"}"#: 1,
        #"keymeter_http_request_duration_seconds_count{route="/api/v1/verify",method="any"}"#: 1,
        "keymeter_authentication_rejections_total": 1,
      ])
  }
}
