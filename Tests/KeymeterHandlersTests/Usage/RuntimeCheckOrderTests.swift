import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Runtime: authentication comes before all other checks")
struct RuntimeCheckOrderTests {
  /// Changes to a call with a body, each with the status that an authenticated caller gets.
  private static let bodies: [(status: Int, change: @Sendable (Call) -> Call)] = [
    (400, { $0 }), (415, { $0.with(.contentType, "text/plain") }), (415, { $0.with(.contentType, nil) }),
    (413, { $0.sending(Array(repeating: 0x20, count: JSONBody.largest + 1)) }),
  ]

  @Test(
    "An unauthenticated caller with an invalid body gets 401 instead of 400, 413 or 415",
    arguments: RuntimeOperation.withBody)
  func bodies(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let revoked = try await service.key()
    try await service.store.revoke(revoked.key.id)
    for (status, change) in Self.bodies {
      let call = change(operation.senselessCall(by: service.home.root))
      for (nobody, reason) in [
        (call.with(.apiKeyHeader, nil), "credentials_missing"),
        (call.with(.apiKeyHeader, revoked.secret.revealed), "revoked"),
        (call.asScrubs(provider: "nobody"), "unknown_provider"),
        (call.asScrubs(provider: "neighbour"), "unknown_key"),
      ] {
        try expectUnauthenticated(try await service.askInVain(nobody), reason: reason)
      }
      #expect(try await service.askInVain(call).status == status)
      #expect(try await service.askInVain(call.asScrubs()).status == status)
    }
  }

  @Test("An unauthenticated caller with an invalid usage query gets 401 instead of 400")
  func usage() async throws {
    let service = try await Service()
    let call = RuntimeOperation.usage.senselessCall(by: service.home.root)
    let nobody = try await service.askInVain(call.asScrubs(provider: "neighbour"))
    try expectUnauthenticated(nobody, reason: "unknown_key")
    try expectProblem(
      try await service.ask(call), 400, "Query is invalid.", code: "query_invalid", fields: ["key"])
  }

  @Test(
    "A verification with missing or malformed credentials says nothing about its terms",
    arguments: [RuntimeOperation.verify, .verifyBeneath])
  func verify(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.senselessCall(by: service.home.root)
    for (value, reason) in [(nil, "credentials_missing"), ("sk_live_x", "unknown_key")] {
      let answer = try await service.askInVain(call.with(.apiKeyHeader, value))
      try expectUnauthenticated(answer, reason: reason)
    }
    #expect(try await service.askInVain(call).status == 400)
  }

  @Test("A missing privilege is reported before an invalid body: analytics by a child key")
  func childBeforeBody() async throws {
    let service = try await Service()
    let child = try await service.key()
    for (_, change) in Self.bodies {
      let answer = try await service.askInVain(change(RuntimeOperation.analytics.senselessCall(by: child)))
      try expectProblem(answer, 403, "Root API key is required.", code: "root_key_required")
    }
  }

  @Test("Verification checks the key, then environment, scope and limit")
  func verificationOrder() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 0), scopes: ["a"])
    let all = Call.verify("?environment=STAGING&scope=b", by: key)
    #expect(try await service.askInVain(all).headers[.reasonHeader] == "environment_mismatch")
    let scope = Call.verify("?environment=PRODUCTION&scope=b", by: key)
    #expect(try await service.askInVain(scope).headers[.reasonHeader] == "scope_missing")
    let limit = Call.verify("?environment=PRODUCTION&scope=a", by: key)
    #expect(try await service.askInVain(limit).headers[.reasonHeader] == "over_limit")
    try await service.store.revoke(key.key.id)
    #expect(try await service.askInVain(all).headers[.reasonHeader] == "revoked")
  }
}
