import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Usage", .timeLimit(.minutes(10)))
struct UsageConformance {
  @Test(
    "A key's usage includes what its reservations hold, and reports it separately",
    arguments: Backend.allCases)
  func usage(backend: Backend) async throws {
    try await backend.withStore { under in
      let limits = MonthlyLimits(requests: 3, tokens: 90)
      let key = try await under.key(limits: limits, scopes: ["a:b"], environment: .development)
      let unused = try #require(try await key.usage())
      #expect(unused.standing.used == .zero)
      #expect(unused.reserved == .zero)
      _ = try await key.verify(.init(requests: 1, tokens: 5))
      _ = try await key.hold(.init(tokens: 7, speechSeconds: 1))
      let usage = try #require(try await key.usage())
      #expect(usage.standing.keyID == key.id)
      #expect(usage.standing.organisationID == key.organisation.id)
      #expect(usage.standing.environment == .development)
      #expect(usage.standing.scopes.map(\.rawValue) == ["a:b"])
      #expect(usage.standing.limits == limits)
      #expect(usage.standing.used == .init(requests: 1, tokens: 12, speechSeconds: 1))
      #expect(usage.reserved == .init(tokens: 7, speechSeconds: 1))
    }
  }

  @Test(
    "A key's usage is visible in its own organisation only", arguments: Backend.allCases)
  func otherTenant(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let other = try await TestOrganisation.create("other", in: under.operatorStore)
      let child = try await under.key(of: clinic)
      let (home, away) = (clinic.organisation.id, other.organisation.id)
      #expect(try await under.entered(home) { try await $0.usage(of: child.id) } != nil)
      #expect(try await under.entered(away) { try await $0.usage(of: child.id) } == nil)
      try await child.delete()
      #expect(try await child.usage() == nil)
    }
  }

  @Test("A deleted key that was used remains known to its own organisation", arguments: Backend.allCases)
  func owner(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let other = try await TestOrganisation.create("other", in: under.operatorStore)
      let key = try await under.key(of: clinic)
      let (home, away) = (clinic.organisation.id, other.organisation.id)

      func owners() async throws -> [OrganisationID?] {
        try await under.entered(home) { try await $0.owners(of: [key.id]) }
          + under.entered(away) { try await $0.owners(of: [key.id]) }
      }

      #expect(try await owners() == [home, home])
      _ = try await key.verify()
      try await key.delete()
      #expect(try await owners() == [home, nil])
      let never = KeyID(rawValue: "key_never")
      let foreign = other.root.key.id
      let named = try await under.entered(home) {
        try await $0.owners(of: [never, key.id, foreign, never, key.id])
      }
      #expect(named == [nil, home, away, nil, home])
      #expect(try await under.entered(home) { try await $0.owners(of: []) }.isEmpty)
    }
  }

  @Test(
    "Daily usage covers the requested days and keys in order, deleted keys included",
    arguments: Backend.allCases)
  func days(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let (one, two) = (try await under.key(of: clinic), try await under.key(of: clinic))
      _ = try await under.key().verify()
      _ = try await one.verify(.init(tokens: 3))
      try await under.hooks.monthPasses()
      let today = try #require(try await one.verify(.init(requests: 1, speechSeconds: 4)).admitted).judgedAt
        .day
      _ = try await two.verify(.init(requests: 2))
      let released = try await two.hold(.init(tokens: 9))
      _ = try await two.settle(released, .zero)
      try await two.delete()
      let lastMonth = CivilDate(daysSinceEpoch: Period(containing: today).firstDay.daysSinceEpoch - 1)
      let first = Period(containing: lastMonth).firstDay
      let old = DailyUsage(day: first, used: .init(tokens: 3))

      func days(_ from: CivilDate, _ to: CivilDate, _ keys: [KeyID]?) async throws -> [DailyUsage] {
        try await under.entered(clinic.organisation.id) {
          try await $0.dailyUsage(.init(firstDay: from, lastDay: to, keys: keys))
        }
      }

      let all = DailyUsage(day: today, used: .init(requests: 3, speechSeconds: 4))
      let mine = DailyUsage(day: today, used: .init(requests: 1, speechSeconds: 4))
      let deleted = DailyUsage(day: today, used: .init(requests: 2))
      #expect(try await days(first, today, nil) == [old, all])
      #expect(try await days(first, today, [one.id]) == [old, mine])
      #expect(try await days(first, today, [two.id]) == [deleted])
      #expect(try await days(first, today, [one.id, two.id]) == [old, all])
      #expect(try await days(first, today, []) == [])
      #expect(try await days(today, today, nil) == [all])
      #expect(try await days(first, first, nil) == [old])
      #expect(try await days(CivilDate(daysSinceEpoch: 0), CivilDate(daysSinceEpoch: 1), nil) == [])
    }
  }

  @Test("A day whose reservations were all released has no usage", arguments: Backend.allCases)
  func emptyDay(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let id = try await key.hold(.oneRequest)
      _ = try await key.settle(id, .zero)
      let today = try #require(try await key.usage()).standing.judgedAt.day
      let days = try await under.entered(key.organisation.id) {
        try await $0.dailyUsage(.init(firstDay: today, lastDay: today, keys: nil))
      }
      #expect(days.isEmpty)
    }
  }

  @Test("A transaction that throws counts nothing", arguments: Backend.allCases)
  func allOrNothing(backend: Backend) async throws {
    struct Interruption: Error {}
    try await backend.withStore { under in
      let key = try await under.key()
      var random = RandomSource.system
      let id = ReservationID(random: &random)
      await #expect(throws: Interruption.self) {
        try await under.store.withTransaction { transaction in
          _ = try await transaction.record(try key.request(), event: try EventID(validating: "a"))
          _ = try await transaction.reserve(id, try key.request(), ReservationTerms())
          throw Interruption()
        }
      }
      #expect(try await under.hooks.meter().isEmpty)
    }
  }

  @Test("Authenticating a key charges nothing and reads its usage", arguments: Backend.allCases)
  func authenticating(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 1))
      _ = try await key.verify()
      let before = try await under.hooks.meter()
      let lookup = try await under.store.withTransaction {
        try await $0.findKey(try key.request().hashes, provider: nil, lock: .none, markUsed: false)
      }
      guard case .found(let found) = lookup else {
        Issue.record("\(lookup)")
        return
      }
      #expect(found.key.id == key.id && found.used == .oneRequest)
      #expect(!found.secretHasEnded && !found.isSuperseded)
      #expect(try await under.hooks.meter() == before)
    }
  }
}
