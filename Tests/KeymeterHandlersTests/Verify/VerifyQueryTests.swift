import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Verify: terms from the query")
struct VerifyQueryTests {
  @Test(
    "The query's amounts are charged, and one request is the default",
    arguments: [
      (query: "", charged: Amounts(requests: 1)), ("?", Amounts(requests: 1)), ("?&&", Amounts(requests: 1)),
      ("?tokens=5", Amounts(requests: 1, tokens: 5)), ("?stt_secs=6", Amounts(requests: 1, speechSeconds: 6)),
      ("?requests=2", Amounts(requests: 2)), ("?requests=0", .zero),
      ("?requests=0&tokens=0&stt_secs=0", .zero), ("?requests=0&tokens=9", Amounts(tokens: 9)),
      ("?requests=007", Amounts(requests: 7)),
      ("?requests=0000000000000000000000000000000000003", Amounts(requests: 3)),
      ("?requests=9007199254740991", Amounts(requests: MonthlyLimits.largest)),
      ("?tokens=4&stt_secs=3&requests=2", Amounts(requests: 2, tokens: 4, speechSeconds: 3)),
      ("?%72equests=%35", Amounts(requests: 5)), ("?scope=a&tokens=1", Amounts(requests: 1, tokens: 1)),
    ])
  func charges(query: String, charged: Amounts) async throws {
    let service = try await Service()
    let key = try await service.key()
    let answer = try await service.ask(.verify(query, by: key))
    #expect(answer.status == 200)
    #expect(try await service.used(by: key) == charged)
    for dimension in Dimension.allCases {
      #expect(try answer.meter(dimension, "used") == .whole(charged[dimension]))
    }
  }

  @Test(
    "An amount that is not an integer from 0 to 2^53 − 1 is rejected by name, and nothing is charged",
    arguments: ["requests", "tokens", "stt_secs"],
    [
      "-1", "1.5", "%2B1", "+1", "9007199254740992", "9223372036854775808", "1e3", "0x10", "", "%201", "1%20",
      "one", "1,000", "\u{661}", "%D9%A1", "NaN", "null", "-0", "1_000", "%00", "99999999999999999999999999",
    ])
  func badAmount(name: String, value: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(.verify("?\(name)=\(value)", by: service.home.root))
    try expectProblem(answer, 400, code: "query_invalid", fields: [name])
  }

  @Test("Up to 32 distinct scopes can be required")
  func manyScopes() async throws {
    let service = try await Service()
    let key = try await service.key()
    let some = (0..<32).map { "scope=s\($0)" }.joined(separator: "&")
    #expect(try await service.ask(.verify("?\(some)&\(some)", by: key)).status == 200)
    let answer = try await service.askRejected(.verify("?\(some)&scope=one-more", by: key))
    try expectProblem(answer, 400, code: "query_invalid", fields: ["scope"])
  }

  @Test(
    "An unknown parameter is rejected, so a misspelt scope can't admit a request",
    arguments: [
      "scopes=x", "Scope=x", "scope%20=x", "SCOPE=x", "scope[]=x", "request=1", "requests[]=1",
      "env=PRODUCTION",
      "Environment=STAGING", "sttsecs=1", "deny-status=403", "api_key=x", "x", "=1", "scope%00=x",
    ])
  func unknown(parameter: String) async throws {
    let service = try await Service()
    for query in ["?\(parameter)", "?requests=1&\(parameter)"] {
      let answer = try await service.askRejected(.verify(query, by: service.home.root))
      try expectProblem(answer, 400, code: "query_invalid")
      #expect(try answer.rejectedFields.count == 1)
    }
  }

  @Test(
    "A repeated single-value parameter is rejected, even with equal values",
    arguments: ["requests=1", "tokens=1", "stt_secs=1", "environment=PRODUCTION", "deny_status=403"])
  func repeated(parameter: String) async throws {
    let service = try await Service()
    let name = try #require(parameter.split(separator: "=").first.map(String.init))
    for query in [
      "?\(parameter)&\(parameter)", "?\(parameter)&scope=a&\(parameter)", "?\(parameter)&\(name)",
    ] {
      let answer = try await service.askRejected(.verify(query, by: service.home.root))
      try expectProblem(answer, 400, code: "query_invalid", fields: [name])
    }
  }

  @Test(
    "An invalid scope is rejected",
    arguments: [
      "", "a:", ":a", "a::b", "*:a", "a:*:b", "a%20b", "a,b", "a%0Ab", "%C3%A9", "a/b",
      String(repeating: "s", count: 129),
    ])
  func badScope(scope: String) async throws {
    let service = try await Service()
    for query in ["?scope=\(scope)", "?scope=a&scope=\(scope)"] {
      let answer = try await service.askRejected(.verify(query, by: service.home.root))
      try expectProblem(answer, 400, code: "query_invalid", fields: ["scope"])
    }
  }

  @Test(
    "An unknown environment is rejected",
    arguments: ["", "production", "PROD", "live", "PRODUCTION%20", "PRODUCTION,STAGING"])
  func badEnvironment(environment: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(.verify("?environment=\(environment)", by: service.home.root))
    try expectProblem(answer, 400, code: "query_invalid", fields: ["environment"])
  }

  @Test(
    "deny_status is 403 or 429",
    arguments: ["", "401", "402", "200", "0403", "403.0", "429%20", "forbidden", "503"])
  func badDenyStatus(status: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(.verify("?deny_status=\(status)", by: service.home.root))
    try expectProblem(answer, 400, code: "query_invalid", fields: ["deny_status"])
  }

  @Test("A query that can't be decoded is rejected", arguments: ["%", "%4", "%zz", "scope=%ff", "%C3=1"])
  func undecodable(query: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(.verify("?\(query)", by: service.home.root))
    try expectProblem(answer, 400, code: "query_invalid", fields: [""])
  }

  @Test("The headers for subpaths are ignored here")
  func headersIgnored() async throws {
    let service = try await Service()
    let key = try await service.key(scopes: ["a"])
    let call = Call.verify("?requests=0&tokens=1", by: key)
      .with(.chargeHeader, "requests=50, nonsense").with(.requireScopeHeader, "b")
      .with(.requireEnvironmentHeader, "STAGING")
    #expect(try await service.ask(call).status == 200)
    #expect(try await service.used(by: key) == Amounts(tokens: 1))
  }
}
