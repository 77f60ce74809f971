import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("The order of checks in an admission", .timeLimit(.minutes(10)))
struct AdmissionOrderConformance {
  @Test("A rejection names the first failed check in the contract's order", arguments: Backend.allCases)
  func order(backend: Backend) async throws {
    try await backend.withStore { under in
      let limits = MonthlyLimits(requests: 0, tokens: 0, speechSeconds: 0)
      let all = Amounts(requests: 1, tokens: 1, speechSeconds: 1)
      let key = try await under.key(limits: limits, scopes: ["a:b"])
      let other = try await under.key().organisation.providerID
      let unknown = try ProviderID(validating: "unknown")

      func rejection(
        _ charge: Amounts = all, scope: String = "c", environment: KeyEnvironment = .staging,
        provider: ProviderID? = nil
      ) async throws -> AdmissionRejection? {
        try await key.verify(charge, scopes: [scope], environment: environment, provider: provider).rejection
      }

      #expect(try await rejection(scope: "a:b", environment: .production) == .overLimit(.requests))
      #expect(
        try await rejection(.init(tokens: 1, speechSeconds: 1), scope: "a:b", environment: .production)
          == .overLimit(.tokens))
      #expect(
        try await rejection(.init(speechSeconds: 1), scope: "a:b", environment: .production)
          == .overLimit(.speechSeconds))
      #expect(try await rejection(environment: .production) == .scopeMissing)
      #expect(try await rejection() == .environmentMismatch)
      try await under.hooks.expire(key.id)
      #expect(try await rejection() == .expired)
      try await key.revoke()
      #expect(try await rejection() == .revoked)
      #expect(try await rejection(provider: key.organisation.providerID) == .revoked)
      #expect(try await rejection(provider: other) == .unknownKey)
      #expect(try await rejection(provider: unknown) == .unknownProvider)
      try await key.delete()
      #expect(try await rejection(provider: key.organisation.providerID) == .unknownKey)
      #expect(try await rejection(provider: unknown) == .unknownProvider)
      #expect(try await rejection() == .unknownKey)
      #expect(try await under.hooks.meter().isEmpty)
    }
  }

  @Test("Each request of a batch gets its own rejection", arguments: Backend.allCases)
  func orderInBatch(backend: Backend) async throws {
    try await backend.withStore { under in
      let poor = try await under.key(limits: .init(requests: 0), scopes: ["a:b"])
      let (expired, revoked, deleted, good) = (
        try await under.key(), try await under.key(), try await under.key(), try await under.key()
      )
      try await under.hooks.expire(expired.id)
      try await revoked.revoke()
      try await deleted.delete()
      let requests = [
        try good.request(provider: try ProviderID(validating: "unknown")),
        try good.request(provider: poor.organisation.providerID),
        try deleted.request(), try revoked.request(), try expired.request(),
        try poor.request(environment: .staging), try poor.request(scopes: ["c"]), try poor.request(),
        try good.request(), try good.request(provider: good.organisation.providerID),
      ]
      let admissions = try await under.admitInOrder(requests)
      let expected: [AdmissionRejection?] = [
        .unknownProvider, .unknownKey, .unknownKey, .revoked, .expired, .environmentMismatch, .scopeMissing,
        .overLimit(.requests), nil, nil,
      ]
      #expect(admissions.map(\.rejection) == expected)
      #expect(admissions.map { $0.used != nil } == [false, false, false] + Array(repeating: true, count: 7))
      #expect(try await good.used() == .init(requests: 2))
    }
  }

  @Test(
    "In a batch a request that does not fit charges nothing, and a smaller one after it may fit",
    arguments: Backend.allCases)
  func arrivalOrder(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(tokens: 10))
      let beside = try await under.key(limits: .init(tokens: 10))
      let asked: [Int64] = [6, 5, 4, 1, 0]
      let requests = try asked.flatMap { tokens in
        [try key.request(.init(tokens: tokens)), try beside.request(.init(requests: 1, tokens: 2))]
      }
      for round in [[6, 6, 10, 10, 10], [10, 10, 10, 10, 10]] as [[Int64]] {
        let admissions = try await under.admitInOrder(requests)
        #expect(stride(from: 0, to: 10, by: 2).map { admissions[$0].used?.tokens } == round)
      }
      #expect(try await key.used() == .init(tokens: 10))
      #expect(try await beside.used() == .init(requests: 5, tokens: 10))
    }
  }

  @Test(
    "A scope is covered by itself, by its prefix with a star, and by the star alone",
    arguments: Backend.allCases,
    [
      Covering(held: ["*"], wanted: ["a", "a:b", "a:*", "*"], covers: true),
      Covering(held: ["a:b"], wanted: ["a:b"], covers: true),
      Covering(held: ["a:*"], wanted: ["a:b", "a:b:c", "a:*", "a:b:*"], covers: true),
      Covering(held: ["a:b", "c:*"], wanted: ["c:d", "a:b"], covers: true),
      Covering(held: ["a:b"], wanted: [], covers: true),
      Covering(held: ["a:*"], wanted: ["a"], covers: false),
      Covering(held: ["a:*"], wanted: ["ab:c"], covers: false),
      Covering(held: ["a:*"], wanted: ["*"], covers: false),
      Covering(held: ["a:b"], wanted: ["a:*"], covers: false),
      Covering(held: ["a:b"], wanted: ["a:B"], covers: false),
      Covering(held: ["a:b"], wanted: ["a:b:c"], covers: false),
      Covering(held: ["a:b", "c:*"], wanted: ["a:b", "d"], covers: false),
      Covering(held: ["a:b:*"], wanted: ["a:c"], covers: false),
      // LIKE's wildcards are ordinary characters in a scope.
      Covering(held: ["a_b:*"], wanted: ["axb:c"], covers: false),
    ])
  func scopes(backend: Backend, covering: Covering) async throws {
    try await backend.withStore { under in
      let key = try await under.key(scopes: covering.held)
      let expected: AdmissionRejection? = covering.covers ? nil : .scopeMissing
      #expect(try await key.verify(scopes: covering.wanted).rejection == expected)
      let batch = try await under.admitInOrder([
        try key.request(scopes: covering.wanted), try key.request(scopes: covering.wanted),
      ])
      #expect(batch.map(\.rejection) == [expected, expected])
    }
  }

  @Test("A key is found by any active pepper", arguments: Backend.allCases)
  func peppers(backend: Backend) async throws {
    try await backend.withStore { under in
      let (key, other) = (try await under.key(), try await under.key())
      let stranger = SecretHash(pepperID: "next", bytes: Array(repeating: 1, count: 32))
      let requests = try [key, other].map { key in
        AdmissionRequest(hashes: [stranger] + (try key.request().hashes), charge: .oneRequest)
      }
      #expect(try await under.admission.admit(requests[0]).admitted?.keyID == key.id)
      #expect(try await under.admitInOrder(requests).map { $0.admitted?.keyID } == [key.id, other.id])
    }
  }
}

/// Held scopes, required scopes, and whether the first cover the second.
struct Covering: Sendable, CustomTestStringConvertible {
  let held: [String]
  let wanted: [String]
  let covers: Bool

  var testDescription: String { "\(held) \(covers ? "covers" : "does not cover") \(wanted)" }
}
