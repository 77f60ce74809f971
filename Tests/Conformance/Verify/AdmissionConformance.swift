import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Admission", .timeLimit(.minutes(10)))
struct AdmissionConformance {
  private static let mixed = Amounts(requests: 1, tokens: 20, speechSeconds: 300)

  @Test("An admitted charge is counted, and the usage snapshot includes it", arguments: Backend.allCases)
  func admitted(backend: Backend) async throws {
    try await backend.withStore { under in
      let limits = MonthlyLimits(requests: 5, tokens: nil, speechSeconds: 600)
      let key = try await under.key(limits: limits, scopes: ["a:b", "c:*"], environment: .staging)
      let standing = try #require(try await key.verify(Self.mixed).admitted)
      #expect(standing.keyID == key.id)
      #expect(standing.organisationID == key.organisation.id)
      #expect(standing.environment == .staging)
      #expect(standing.scopes.map(\.rawValue) == ["a:b", "c:*"])
      #expect(standing.limits == limits)
      #expect(standing.used == Self.mixed)
      let twice = Amounts(requests: 2, tokens: 40, speechSeconds: 600)
      #expect(try await key.verify(Self.mixed).admitted?.used == twice)
      #expect(try await key.used() == twice)
    }
  }

  @Test(
    "A limit admits charges up to and including itself, and nothing beyond", arguments: Backend.allCases,
    Dimension.allCases)
  func exactLimit(backend: Backend, dimension: Dimension) async throws {
    try await backend.withStore { under in
      var limits = MonthlyLimits.unrestricted
      limits[dimension] = 7
      let key = try await under.key(limits: limits)
      #expect(try await key.verify(.zero.with(5, dimension)).used?[dimension] == 5)
      #expect(try await key.verify(.zero.with(3, dimension)).rejection == .overLimit(dimension))
      #expect(try await key.verify(.zero.with(2, dimension)).used?[dimension] == 7)
      #expect(try await key.verify(.zero.with(1, dimension)).rejection == .overLimit(dimension))
      #expect(try await key.used()?[dimension] == 7)
    }
  }

  @Test(
    "A limit of 0 allows nothing, and no limit allows everything", arguments: Backend.allCases,
    Dimension.allCases)
  func extremeLimits(backend: Backend, dimension: Dimension) async throws {
    try await backend.withStore { under in
      var closed = MonthlyLimits.unrestricted
      closed[dimension] = 0
      let shut = try await under.key(limits: closed)
      #expect(try await shut.verify(.zero.with(1, dimension)).rejection == .overLimit(dimension))
      let open = try await under.key()
      let most = Amounts.zero.with(MonthlyLimits.largest, dimension)
      #expect(try await open.verify(most).admitted?.used == most)
    }
  }

  @Test("A charge is taken in all its dimensions or in none", arguments: Backend.allCases, Dimension.allCases)
  func allOrNothing(backend: Backend, short: Dimension) async throws {
    try await backend.withStore { under in
      var limits = MonthlyLimits(requests: 1_000, tokens: 1_000, speechSeconds: 1_000)
      limits[short] = 1
      let key = try await under.key(limits: limits)
      let one = Amounts(requests: 1, tokens: 1, speechSeconds: 1)
      #expect(try await key.verify(one).admitted?.used == one)
      let before = try await under.hooks.meter()
      let refused = try await key.verify(one)
      #expect(refused.rejection == .overLimit(short))
      #expect(refused.used == one)
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test(
    "A dimension that a request does not charge is never a reason to reject it",
    arguments: Backend.allCases)
  func zeroIsNeverRefused(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 10, tokens: 5, speechSeconds: 0))
      _ = try await key.record(.init(tokens: 50, speechSeconds: 1))
      #expect(try await key.verify().admitted?.used == .init(requests: 1, tokens: 50, speechSeconds: 1))
      #expect(try await key.verify(.init(requests: 1, tokens: 1)).rejection == .overLimit(.tokens))
    }
  }

  @Test("A charge of zero authenticates and changes nothing", arguments: Backend.allCases)
  func chargeOfNothing(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 0, tokens: 0, speechSeconds: 0))
      _ = try await key.record(.oneRequest)
      let before = try await under.hooks.meter()
      #expect(try await key.verify(.zero).admitted?.used == .oneRequest)
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test("A counter never passes 2^63 − 1", arguments: Backend.allCases, Dimension.allCases)
  func ceiling(backend: Backend, dimension: Dimension) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let near = Amounts.zero.with(Int64.max - 3, dimension)
      try await key.setUsed(near)
      let refused = try await key.verify(.zero.with(4, dimension))
      #expect(refused.rejection == .overLimit(dimension))
      #expect(refused.used == near)
      #expect(try await key.reserve(.zero.with(4, dimension)).rejection == .overLimit(dimension))
      #expect(try await key.verify(.zero.with(3, dimension)).used?[dimension] == Int64.max)
      #expect(try await key.verify(.zero.with(1, dimension)).rejection == .overLimit(dimension))
    }
  }

  @Test(
    "An amount that is negative or above 2^53 − 1 is an error and charges nothing",
    arguments: Backend.allCases, [-1, MonthlyLimits.largest + 1, Int64.max, Int64.min])
  func amountOutOfRange(backend: Backend, amount: Int64) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      for dimension in Dimension.allCases {
        await #expect(throws: (any Error).self) { _ = try await key.verify(.zero.with(amount, dimension)) }
        await #expect(throws: (any Error).self) { _ = try await key.reserve(.zero.with(amount, dimension)) }
        await #expect(throws: (any Error).self) {
          _ = try await key.record(.zero.with(amount, dimension), event: "event")
        }
      }
      #expect(try await key.used() == .zero)
      #expect(try await key.record(.oneRequest, event: "event").counted?.repeated == false)
    }
  }

  @Test("A lowered limit applies at once, and so does a raised one", arguments: Backend.allCases)
  func limitChanges(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 10))
      _ = try await key.verify(.init(requests: 5))
      try await key.setLimits(.init(requests: 3))
      #expect(try await key.verify().rejection == .overLimit(.requests))
      try await key.setLimits(.init(requests: 6))
      #expect(try await key.verify().admitted?.used == .init(requests: 6))
      #expect(try await key.verify().rejection == .overLimit(.requests))
      try await key.setLimits(.unrestricted)
      #expect(try await key.verify(.init(requests: 100)).admitted?.used == .init(requests: 106))
    }
  }

  @Test(
    "A charge that waits while its limit is lowered is judged by the new limit",
    arguments: Backend.allCases)
  func limitBeingLowered(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 10))
      _ = try await key.verify()
      let late = try await under.entered(key.organisation.id) { transaction in
        _ = try await transaction.update(
          key.id, friendlyName: key.key.friendlyName, limits: .init(requests: 1),
          allowedAddresses: nil)
        let late = Task { try await key.verify() }
        // Time to be judged by the old limit if nothing blocked it.
        try await Task.sleep(for: .milliseconds(200))
        return late
      }
      #expect(try await late.value.rejection == .overLimit(.requests))
      #expect(try await key.used() == .oneRequest)
    }
  }

  @Test("A new month starts at zero and leaves the old month unchanged", arguments: Backend.allCases)
  func newMonth(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 2))
      _ = try await key.verify(.init(requests: 2))
      #expect(try await key.verify().rejection == .overLimit(.requests))
      try await under.hooks.monthPasses()
      let passed = try await under.hooks.meter()
      #expect(try await key.used() == .zero)
      #expect(try await key.verify(.init(requests: 3)).rejection == .overLimit(.requests))
      #expect(try await under.hooks.meter() == passed)
      #expect(try await key.verify(.init(requests: 2)).admitted?.used == .init(requests: 2))
    }
  }

  @Test("A deleted key is rejected, and its usage is kept", arguments: Backend.allCases)
  func deleted(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      _ = try await key.verify(Self.mixed)
      let before = try await under.hooks.meter()
      try await key.delete()
      #expect(try await key.verify() == .rejected(.unknownKey, nil))
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test("A charge sets the key's last use", arguments: Backend.allCases)
  func lastUse(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let before = try await under.entered(key.organisation.id) { try await $0.keyForUpdate(key.id) }
      #expect(before?.lastUsedAt == nil)
      let charged = try #require(try await key.verify().admitted)
      let after = try await under.entered(key.organisation.id) { try await $0.keyForUpdate(key.id) }
      #expect(after?.lastUsedAt == charged.judgedAt)
    }
  }
}

extension Amounts {
  func with(_ amount: Int64, _ dimension: Dimension) -> Amounts {
    var amounts = self
    amounts[dimension] = amount
    return amounts
  }
}
