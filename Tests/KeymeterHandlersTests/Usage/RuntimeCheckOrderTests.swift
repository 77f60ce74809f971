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
      let call = change(operation.invalidCall(by: service.home.root))
      for (unauthenticated, reason) in [
        (call.with(.apiKeyHeader, nil), "credentials_missing"),
        (call.with(.apiKeyHeader, revoked.secret.revealed), "revoked"),
        (call.asScrubs(provider: "unknown"), "unknown_provider"),
        (call.asScrubs(provider: "neighbour"), "unknown_key"),
      ] {
        try expectUnauthenticated(try await service.askRejected(unauthenticated), reason: reason)
      }
      #expect(try await service.askRejected(call).status == status)
      #expect(try await service.askRejected(call.asScrubs()).status == status)
    }
  }

  @Test("An unauthenticated caller with an invalid usage query gets 401 instead of 400")
  func usage() async throws {
    let service = try await Service()
    let call = RuntimeOperation.usage.invalidCall(by: service.home.root)
    let unauthenticated = try await service.askRejected(call.asScrubs(provider: "neighbour"))
    try expectUnauthenticated(unauthenticated, reason: "unknown_key")
    try expectProblem(
      try await service.ask(call), 400, code: "query_invalid", fields: ["key"])
  }

  @Test(
    "A verification with missing or malformed credentials says nothing about its terms",
    arguments: [RuntimeOperation.verify, .verifySubpath])
  func verify(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.invalidCall(by: service.home.root)
    for (value, reason) in [(nil, "credentials_missing"), ("sk_live_x", "unknown_key")] {
      let answer = try await service.askRejected(call.with(.apiKeyHeader, value))
      try expectUnauthenticated(answer, reason: reason)
    }
    #expect(try await service.askRejected(call).status == 400)
  }

  @Test("A missing privilege is reported before an invalid body: analytics by a child key")
  func childBeforeBody() async throws {
    let service = try await Service()
    let child = try await service.key()
    for (_, change) in Self.bodies {
      let answer = try await service.askRejected(change(RuntimeOperation.analytics.invalidCall(by: child)))
      try expectProblem(answer, 403, code: "root_key_required")
    }
  }

  @Test("Verification checks the key, then environment, scope and limit")
  func verificationOrder() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 0), scopes: ["a"])
    let all = Call.verify("?environment=STAGING&scope=b", by: key)
    #expect(try await service.askRejected(all).headers[.reasonHeader] == "environment_mismatch")
    let scope = Call.verify("?environment=PRODUCTION&scope=b", by: key)
    #expect(try await service.askRejected(scope).headers[.reasonHeader] == "scope_missing")
    let limit = Call.verify("?environment=PRODUCTION&scope=a", by: key)
    #expect(try await service.askRejected(limit).headers[.reasonHeader] == "over_limit")
    try await service.store.revoke(key.key.id)
    #expect(try await service.askRejected(all).headers[.reasonHeader] == "revoked")
  }
}
