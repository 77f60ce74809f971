import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Verify 200: admitted and charged")
struct Verify200Tests {
  @Test("The body has exactly the contract's members: all three dimensions, null where unrestricted")
  func body() async throws {
    let service = try await Service()
    let key = try await service.key(
      MonthlyLimits(requests: 1_000, speechSeconds: MonthlyLimits.largest), environment: .staging,
      scopes: ["incidents:*", "a.b:c"])
    let answer = try await service.ask(.verify("?tokens=10&stt_secs=7", by: key))
    #expect(answer.status == 200)
    try answer.expectBody(
      """
      {"valid":true,"key_id":"\(key.key.id.rawValue)",
       "organisation_id":"\(service.home.organisation.id.rawValue)",
       "environment":"STAGING","scopes":["incidents:*","a.b:c"],
       "limits":{"requests":{"limit":1000,"used":1,"remaining":999},
                 "tokens":{"limit":null,"used":10,"remaining":null},
                 "stt_secs":{"limit":9007199254740991,"used":7,"remaining":9007199254740984}},
       "period":"2024-01","resets_at":"2024-02-01T00:00:00Z"}
      """)
    #expect(answer.headers[values: .contentType] == ["application/json"])
    #expect(answer.headers[values: .cacheControl] == ["no-store"])
  }

  @Test(
    "The headers report the same facts as the body, for terms from query and headers",
    arguments: KeyEnvironment.allCases, [["*"], ["incidents:read", "incidents:write", "x"]])
  func headers(environment: KeyEnvironment, scopes: [String]) async throws {
    let service = try await Service()
    let key = try await service.key(environment: environment, scopes: scopes, of: service.neighbour)
    for call in [Call.verify(by: key), .verifySubpath("/x?y", by: key)] {
      let answer = try await service.ask(call)
      #expect(answer.status == 200)
      #expect(answer.headers[values: .keyIDHeader] == [try answer.text("key_id")])
      #expect(answer.headers[values: .organisationIDHeader] == [try answer.text("organisation_id")])
      #expect(answer.headers[values: .environmentHeader] == [try answer.text("environment")])
      #expect(answer.headers[values: .scopesHeader] == [scopes.joined(separator: " ")])
      #expect(try answer.object["scopes"] == .array(scopes.map(JSONValue.string)))
      #expect(try answer.text("key_id") == key.key.id.rawValue)
      #expect(try answer.text("organisation_id") == service.neighbour.organisation.id.rawValue)
      #expect(answer.headers[.reasonHeader] == nil && answer.headers[.retryAfterHeader] == nil)
    }
  }

  @Test("Both kinds of credentials identify the same key and counter")
  func bothKinds() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 3))
    let calls = [
      Call.verify(by: key), Call.verify(by: key).asScrubs(), Call.verifySubpath(by: key).asScrubs(),
    ]
    for (index, call) in calls.enumerated() {
      let answer = try await service.ask(call)
      #expect(answer.status == 200)
      #expect(try answer.meter(.requests, "used") == .whole(Int64(index + 1)))
    }
    #expect(try await service.ask(.verify(by: key)).status == 429)
    #expect(try await service.ask(Call.verify(by: key).asScrubs()).status == 429)
  }

  @Test("Root keys are verified and charged like any other")
  func root() async throws {
    let service = try await Service()
    #expect(try await service.ask(.verify("?tokens=2", by: service.home.root)).status == 200)
    #expect(try await service.used(by: service.home.root) == Amounts(requests: 1, tokens: 2))
  }

  @Test("The month's last fitting request gets 200, and a new month starts at zero")
  func newMonth() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 1))
    #expect(try await service.ask(.verify(by: key)).status == 200)
    try service.clock.advance(to: "2024-01-31T23:59:59Z")
    #expect(try await service.ask(.verify(by: key)).status == 429)
    try service.clock.advance(to: "2024-02-01T00:00:00Z")
    let answer = try await service.ask(.verify(by: key))
    #expect(answer.status == 200)
    #expect(try answer.text("period") == "2024-02")
    #expect(try answer.text("resets_at") == "2024-03-01T00:00:00Z")
    try service.clock.advance(to: "2024-12-31T23:59:59Z")
    #expect(try await service.ask(.verify(by: key)).text("resets_at") == "2025-01-01T00:00:00Z")
  }

  @Test("The request id is the caller's or a new one, for 200 and for rejections")
  func requestID() async throws {
    let service = try await Service()
    let key = try await service.key()
    for call in [Call.verify(by: key), .verify("?scope=%", by: key), Call(.get, Call.verifyPath)] {
      let named = try await service.ask(call.with(.requestIDHeader, "gateway-7"))
      #expect(named.headers[values: .requestIDHeader] == ["gateway-7"])
      let first = try await service.ask(call).headers[values: .requestIDHeader]
      let second = try await service.ask(call.with(.requestIDHeader, "no good")).headers[
        values: .requestIDHeader]
      #expect(first.count == 1 && second.count == 1 && first != second)
    }
  }

  @Test(
    "A key that was sent as request id is neither returned nor logged", arguments: ["", "x-"])
  func keyAsRequestID(before: String) async throws {
    let service = try await Service()
    let key = try await service.key()
    for call in [Call.verify(by: key), .runtime(.get, RuntimeOperation.usage.path, by: key)] {
      let answer = try await service.ask(call.with(.requestIDHeader, before + key.secret.revealed))
      #expect(answer.status == 200)
      #expect(answer.headers[values: .requestIDHeader].allSatisfy { !$0.contains("sk_") })
    }
  }
}
