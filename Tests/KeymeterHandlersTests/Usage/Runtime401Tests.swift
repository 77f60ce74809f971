import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Runtime 401: invalid credentials")
struct Runtime401Tests {
  @Test("Missing, incomplete or empty credentials are rejected", arguments: RuntimeOperation.allCases)
  func missing(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.root)
    let pair = call.asScrubs()
    for call in [
      call.with(.apiKeyHeader, nil), call.with(.apiKeyHeader, ""), pair.with(.keyHeader, nil),
      pair.with(.providerHeader, nil), pair.with(.keyHeader, ""), pair.with(.providerHeader, ""),
    ] {
      try expectUnauthenticated(try await service.askRejected(call), reason: "credentials_missing")
    }
  }

  @Test(
    "A repeated credential header is rejected, even with correct values", arguments: RuntimeOperation.allCases
  )
  func repeated(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.root)
    let pair = call.asScrubs()
    let secret = service.home.root.secret.revealed
    for call in [
      call.adding(.apiKeyHeader, secret), call.adding(.apiKeyHeader, ""), call.adding(.apiKeyHeader, "x"),
      pair.adding(.keyHeader, secret), pair.adding(.keyHeader, ""), pair.adding(.providerHeader, "home"),
      pair.adding(.providerHeader, "neighbour"),
    ] {
      try expectUnauthenticated(try await service.askRejected(call), reason: "credentials_missing")
    }
    let line = try await service.askRejected(call.with(.apiKeyHeader, "\(secret), \(secret)"))
    try expectUnauthenticated(line, reason: "unknown_key")
  }

  @Test(
    "Both kinds of credentials at once are rejected, even if both are correct",
    arguments: RuntimeOperation.allCases)
  func both(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.root)
    let secret = service.home.root.secret.revealed
    for call in [
      call.asScrubs().with(.apiKeyHeader, secret), call.with(.providerHeader, "home"),
      call.with(.keyHeader, secret), call.with(.keyHeader, ""), call.with(.providerHeader, ""),
      call.asScrubs().with(.apiKeyHeader, ""), call.asScrubs().with(.apiKeyHeader, "x"),
    ] {
      try expectUnauthenticated(try await service.askRejected(call), reason: "credentials_missing")
    }
  }

  @Test("A key outside its header never authenticates", arguments: RuntimeOperation.allCases)
  func elsewhere(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let secret = service.home.root.secret.revealed
    let call = operation.call(by: service.home.root).with(.apiKeyHeader, nil)
    var inQuery = call
    inQuery.uri += "?X-API-Key=\(secret)&api_key=\(secret)&key=\(secret)"
    let inBody = #"{"api_key":"\#(secret)","X-API-Key":"\#(secret)"}"#
    for call in [
      inQuery, call.sending(Array(inBody.utf8)), call.with(.authorization, "Bearer \(secret)"),
      call.with(.cookie, "X-API-Key=\(secret)"), call.with(.providerHeader, "home"),
    ] {
      try expectUnauthenticated(try await service.askRejected(call), reason: "credentials_missing")
    }
  }

  @Test("Malformed and unknown keys are rejected", arguments: RuntimeOperation.allCases)
  func unknownKey(operation: RuntimeOperation) async throws {
    let service = try await Service()
    var random = RandomSource.seeded(3)
    let right = service.home.root.secret.revealed
    let flipped = String(right.dropLast() + (right.hasSuffix("0") ? "1" : "0"))
    let never = KeySecret(environment: .production, random: &random).revealed
    for key in [never, flipped, "x", right + "0", "Bearer \(right)", "sk_live_"] {
      let call = operation.call(by: service.home.root).with(.apiKeyHeader, key)
      for call in [call, call.asScrubs()] {
        try expectUnauthenticated(try await service.askRejected(call), reason: "unknown_key")
      }
    }
  }

  @Test(
    "An unknown provider and another organisation's have different reasons",
    arguments: RuntimeOperation.allCases)
  func provider(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.root)
    for provider in [
      "unknown", "Home", "ho me", "home,neighbour", "h\u{e9}", String(repeating: "h", count: 129),
    ] {
      let answer = try await service.askRejected(call.asScrubs(provider: provider))
      try expectUnauthenticated(answer, reason: "unknown_provider")
    }
    let foreign = try await service.askRejected(call.asScrubs(provider: "neighbour"))
    try expectUnauthenticated(foreign, reason: "unknown_key")
  }

  @Test("An expired, revoked or deleted key is rejected at once", arguments: RuntimeOperation.allCases)
  func ended(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let expiring = try await service.child(expiresIn: 60)
    let call = operation.call(by: expiring)
    service.clock.advance(seconds: 59)
    #expect(try await service.ask(call).status != 401)
    service.clock.advance(seconds: 1)
    try expectUnauthenticated(try await service.askRejected(call), reason: "expired")
    let revoked = try await service.key()
    try await service.store.revoke(revoked.key.id)
    let deleted = try await service.key()
    #expect(try await service.asRoot(.delete, query: "?id=\(deleted.key.id.rawValue)").status == 200)
    for (key, reason) in [(expiring, "expired"), (revoked, "revoked"), (deleted, "unknown_key")] {
      let call = operation.call(by: key)
      for call in [call, call.asScrubs()] {
        try expectUnauthenticated(try await service.askRejected(call), reason: reason)
      }
    }
  }

  @Test(
    "A malformed key or provider is rejected without a store access",
    arguments: RuntimeOperation.allCases)
  func withoutStore(operation: RuntimeOperation) async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "must not be asked"))
    let call = operation.call(by: service.home.root)
    try expectUnauthenticated(
      try await service.ask(call.with(.apiKeyHeader, "sk_live_x")), reason: "unknown_key")
    try expectUnauthenticated(
      try await service.ask(call.asScrubs(provider: "no body")), reason: "unknown_provider")
    try expectUnauthenticated(
      try await service.ask(call.with(.apiKeyHeader, nil)), reason: "credentials_missing")
  }
}
