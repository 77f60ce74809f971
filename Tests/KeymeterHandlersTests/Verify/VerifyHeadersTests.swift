import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Verify on subpaths: terms from the gateway's headers")
struct VerifyHeadersTests {
  @Test(
    "The client's path and query are ignored, and one request is charged",
    arguments: [
      "/", "/?requests=0", "/?requests=0&requests=0", "//?requests=0", "/a?tokens=-1",
      "/?scope=nope&scopes=x",
      "/a/b/c?environment=STAGING", "/?deny_status=200", "/%zz?%zz", "/verify?%", "/?", "/..", "/../api-key",
      "/a?requests=0?requests=0", "/x;requests=0", "/?api_key=1", "/a%2fb", "/%00",
    ])
  func clientsQuery(rest: String) async throws {
    let service = try await Service()
    let key = try await service.key(scopes: ["a"])
    let answer = try await service.ask(.verifySubpath(rest, by: key))
    #expect(answer.status == 200)
    #expect(try await service.used(by: key) == .oneRequest)
  }

  @Test(
    "X-Keymeter-Charge sets the amounts, with at least one request",
    arguments: [
      (header: "requests=1, tokens=0, stt_secs=0", charged: Amounts(requests: 1)),
      ("requests=0", Amounts(requests: 1)), ("requests=0, tokens=0, stt_secs=0", Amounts(requests: 1)),
      ("requests=5", Amounts(requests: 5)), ("tokens=7", Amounts(requests: 1, tokens: 7)),
      ("stt_secs=8,tokens=7,requests=6", Amounts(requests: 6, tokens: 7, speechSeconds: 8)),
      ("  requests = 2 ,\ttokens =\t3 ", Amounts(requests: 2, tokens: 3)), ("", Amounts(requests: 1)),
      ("requests=002", Amounts(requests: 2)), ("requests=1,,tokens=2,", Amounts(requests: 1, tokens: 2)),
      ("tokens=9007199254740991", Amounts(requests: 1, tokens: MonthlyLimits.largest)),
    ])
  func charge(header: String, charged: Amounts) async throws {
    let service = try await Service()
    let key = try await service.key()
    #expect(try await service.ask(.verifySubpath(by: key).with(.chargeHeader, header)).status == 200)
    #expect(try await service.used(by: key) == charged)
  }

  @Test(
    "An invalid charge is rejected by the header's name, and nothing is charged",
    arguments: [
      "1", "requests", "requests=", "=1", "requests=-1", "requests=+1", "requests=1.5", "request=1",
      "Requests=1", "requests=9007199254740992", "requests=1;tokens=2", "requests=1 tokens=2", "requests=1=1",
      "requests=\"1\"", "requests=1 0", "re quests=1", "requests:1", "requests=\u{661}", "tokens=1, x=2",
      "requests=99999999999999999999",
    ])
  func badCharge(header: String) async throws {
    let service = try await Service()
    let call = Call.verifySubpath(by: service.home.root)
    for call in [
      call.with(.chargeHeader, header), call.with(.chargeHeader, "requests=1").adding(.chargeHeader, header),
    ] {
      let answer = try await service.askRejected(call)
      try expectProblem(
        answer, 400, code: "query_invalid", fields: ["X-Keymeter-Charge"])
    }
  }

  @Test("A charge smuggled in next to the gateway's can't reduce it: the largest amount counts")
  func smuggledCharge() async throws {
    let service = try await Service()
    let key = try await service.key()
    let gateway = Call.verifySubpath(by: key).with(.chargeHeader, "requests=2, tokens=10")
    let smuggled = [
      "requests=0", "requests=0, tokens=0, stt_secs=0", "requests=1, tokens=9", "requests=1", "",
    ]
    for (index, header) in smuggled.enumerated() {
      #expect(try await service.ask(gateway.adding(.chargeHeader, header)).status == 200)
      // The client's line can also come first, or share the gateway's line.
      let first = Call.verifySubpath(by: key).with(.chargeHeader, header)
        .adding(.chargeHeader, "requests=2, tokens=10")
      #expect(try await service.ask(first).status == 200)
      let line = gateway.with(.chargeHeader, "requests=2, tokens=10, \(header)")
      #expect(try await service.ask(line).status == 200)
      let times = Int64(index + 1) * 3
      #expect(try await service.used(by: key) == Amounts(requests: 2 * times, tokens: 10 * times))
    }
    let dearer = try await service.ask(gateway.adding(.chargeHeader, "tokens=11, stt_secs=1"))
    #expect(try dearer.meter(.tokens, "used") == .whole(161))
    #expect(try dearer.meter(.speechSeconds, "used") == .whole(1))
  }

  @Test("All scopes in all lines of X-Keymeter-Require-Scope are required")
  func scopes() async throws {
    let service = try await Service()
    let key = try await service.key(scopes: ["incidents:*", "audit:read"])
    let call = Call.verifySubpath(by: key)
    for header in ["", " ", "incidents:read", "incidents:read  incidents:write audit:read", "incidents:*"] {
      #expect(try await service.ask(call.with(.requireScopeHeader, header)).status == 200)
    }
    for header in ["audit:write", "incidents:read audit:write", "audit:*", "*", "incidents"] {
      let gateway = call.with(.requireScopeHeader, header)
      for call in [
        gateway, gateway.adding(.requireScopeHeader, "audit:read"), gateway.adding(.requireScopeHeader, ""),
        call.with(.requireScopeHeader, "audit:read").adding(.requireScopeHeader, header),
      ] {
        let answer = try await service.askRejected(call)
        #expect(answer.status == 403, "\(header)")
        #expect(answer.headers[.reasonHeader] == "scope_missing")
      }
    }
  }

  @Test("An invalid scope is rejected", arguments: ["a:", "a,b", "a\tb", "a;b", "\u{e9}", "a:*:b"])
  func badScope(header: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(
      .verifySubpath(by: service.home.root).with(.requireScopeHeader, "a").adding(.requireScopeHeader, header)
    )
    try expectProblem(
      answer, 400, code: "query_invalid", fields: ["X-Keymeter-Require-Scope"])
  }

  @Test("X-Keymeter-Require-Environment is required, and two different values are rejected in any order")
  func environment() async throws {
    let service = try await Service()
    let key = try await service.key(environment: .staging)
    let call = Call.verifySubpath(by: key)
    let right = call.with(.requireEnvironmentHeader, "STAGING")
    #expect(try await service.ask(right).status == 200)
    #expect(try await service.ask(right.adding(.requireEnvironmentHeader, "STAGING")).status == 200)
    let wrong = try await service.askRejected(call.with(.requireEnvironmentHeader, "PRODUCTION"))
    #expect(wrong.status == 403)
    #expect(wrong.headers[.reasonHeader] == "environment_mismatch")
    for call in [
      right.adding(.requireEnvironmentHeader, "PRODUCTION"), right.adding(.requireEnvironmentHeader, "any"),
      call.with(.requireEnvironmentHeader, "PRODUCTION").adding(.requireEnvironmentHeader, "STAGING"),
      call.with(.requireEnvironmentHeader, "staging"), right.adding(.requireEnvironmentHeader, ""),
      call.with(.requireEnvironmentHeader, "STAGING, STAGING"),
    ] {
      let answer = try await service.askRejected(call)
      try expectProblem(
        answer, 400, code: "query_invalid", fields: ["X-Keymeter-Require-Environment"])
    }
  }

  @Test("No header admits a charge over the limit")
  func overLimit() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 0))
    for header in ["requests=0", "", "tokens=1"] {
      let answer = try await service.askRejected(
        .verifySubpath("/?deny_status=403", by: key).with(.chargeHeader, header))
      #expect(answer.status == 429)
    }
  }

  @Test("On the wire, repeated headers all count")
  func wire() async throws {
    let service = try await Service()
    let key = try await service.key()
    let call = Call.verifySubpath("/orders?requests=0", by: key).with(.chargeHeader, "requests=3")
    let reply = try await service.exchange(
      RawRequest.head(of: call, adding: ["x-keymeter-charge: requests=0,tokens=4", "Connection: close"]))
    #expect(reply.hasPrefix("HTTP/1.1 200 "))
    #expect(try await service.used(by: key) == Amounts(requests: 3, tokens: 4))
  }
}
