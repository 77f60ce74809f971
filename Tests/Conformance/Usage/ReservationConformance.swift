import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Reservations", .timeLimit(.minutes(10)))
struct ReservationConformance {
  private static let held = Amounts(requests: 1, tokens: 50, speechSeconds: 8)

  @Test("Reserved amounts count as used until they are settled", arguments: Backend.allCases)
  func countsAsUsed(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(tokens: 60))
      let reserving = try await key.reserve(Self.held, holdSeconds: 30)
      guard case .reserved(let id, let expiresAt, let standing) = reserving else {
        Issue.record("\(reserving)")
        return
      }
      #expect(standing.used == Self.held)
      #expect(expiresAt == standing.judgedAt.advanced(bySeconds: 30))
      #expect(try await key.usage()?.reserved == Self.held)
      #expect(try await key.verify(.init(tokens: 11)).rejection == .overLimit(.tokens))
      #expect(try await key.settle(id, .init(tokens: 10)).used == .init(tokens: 10))
      #expect(try await key.usage()?.reserved == .zero)
      #expect(try await key.verify(.init(tokens: 50)).admitted?.used == .init(tokens: 60))
    }
  }

  @Test("A rejected reservation holds nothing", arguments: Backend.allCases)
  func rejected(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(tokens: 60))
      _ = try await key.hold(Self.held)
      let before = try await under.hooks.meter()
      let refused = try await key.reserve(Self.held)
      #expect(refused.rejection == .overLimit(.tokens))
      try await key.delete()
      #expect(try await key.reserve(Self.held) == .rejected(.unknownKey, nil))
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test(
    "Settling replaces the reserved amounts by the true ones: less, more or zero",
    arguments: Backend.allCases,
    [Amounts.zero, .init(requests: 2, tokens: 1, speechSeconds: 9), .init(tokens: MonthlyLimits.largest)])
  func settled(backend: Backend, amounts: Amounts) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      _ = try await key.verify()
      let id = try await key.hold(Self.held)
      var used = amounts
      used.requests += 1
      let settlement = try await key.settle(id, amounts)
      #expect(settlement.used == used)
      #expect(settlement.overLimit == false)
      #expect(try await key.used() == used)
      #expect(try await key.usage()?.reserved == .zero)
    }
  }

  @Test(
    "A settlement above the reservation is counted in full, and marked if it exceeds a limit",
    arguments: Backend.allCases)
  func overLimit(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 10, tokens: 10))
      let (within, beyond, less) = (
        try await key.hold(.init(tokens: 3)), try await key.hold(.init(tokens: 3)),
        try await key.hold(.init(tokens: 3))
      )
      #expect(try await key.settle(within, .init(tokens: 4)).overLimit == false)
      let settlement = try await key.settle(beyond, .init(requests: 1, tokens: 5))
      #expect(settlement.overLimit == true)
      #expect(settlement.used == .init(requests: 1, tokens: 12))
      // The key is still over its limit, but this settlement does not add to that.
      #expect(try await key.settle(less, .init(tokens: 2)).overLimit == false)
      #expect(try await key.verify(.init(tokens: 1)).rejection == .overLimit(.tokens))
      #expect(try await key.settle(beyond, .init(requests: 1, tokens: 5)).overLimit == true)
    }
  }

  @Test(
    "Settling again with equal amounts gives the same result, and with others changes nothing",
    arguments: Backend.allCases
  )
  func settledAgain(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let id = try await key.hold(Self.held)
      let first = try await key.settle(id, .oneRequest)
      let before = try await under.hooks.meter()
      #expect(try await key.settle(id, .oneRequest) == first)
      #expect(try await key.settle(id, Self.held) == .settledOtherwise)
      #expect(try await key.settle(id, .zero) == .settledOtherwise)
      try await under.hooks.runOut(id)
      #expect(try await key.settle(id, .oneRequest) == first)
      #expect(try await under.hooks.sweepExpiredReservations() == 0)
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test("Only the key that made a reservation can settle it", arguments: Backend.allCases)
  func unknown(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let (key, sibling) = (try await under.key(of: clinic), try await under.key(of: clinic))
      let stranger = try await under.key()
      let id = try await key.hold(Self.held)
      let before = try await under.hooks.meter()
      #expect(try await sibling.settle(id, .zero) == .unknown)
      #expect(try await stranger.settle(id, .zero) == .unknown)
      #expect(try await key.settle(ReservationID(rawValue: id.rawValue + "0"), .zero) == .unknown)
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test(
    "An expired reservation can't be settled, swept or not, and is released or charged as agreed",
    arguments: Backend.allCases, ReservationExpiry.allCases)
  func expired(backend: Backend, onExpiry: ReservationExpiry) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let id = try await key.hold(Self.held, onExpiry: onExpiry)
      let other = try await key.hold(.oneRequest, onExpiry: onExpiry)
      try await under.hooks.runOut(id)
      let before = try await under.hooks.meter()
      #expect(try await key.settle(id, Self.held) == .expired)
      #expect(try await under.hooks.meter() == before)
      #expect(try await under.hooks.sweepExpiredReservations() == 1)
      let left = onExpiry == .charge ? Amounts(requests: 2, tokens: 50, speechSeconds: 8) : .oneRequest
      #expect(try await key.used() == left)
      #expect(try await key.usage()?.reserved == .oneRequest)
      let after = try await under.hooks.meter()
      #expect(try await under.hooks.sweepExpiredReservations() == 0)
      #expect(try await key.settle(id, Self.held) == .expired)
      #expect(try await key.settle(id, .zero) == .expired)
      #expect(try await under.hooks.meter() == after)
      #expect(try await key.settle(other, .zero).used?.requests == left.requests - 1)
    }
  }

  @Test("One sweep ends the reservations of several keys, days and terms", arguments: Backend.allCases)
  func sweptTogether(backend: Backend) async throws {
    try await backend.withStore { under in
      let (one, two) = (try await under.key(), try await under.key())
      let old = try await one.hold(Self.held)
      try await under.hooks.monthPasses()
      var ids = [old]
      for key in [one, two, one] {
        ids.append(try await key.hold(Self.held))
        ids.append(try await key.hold(Self.held, onExpiry: .charge))
      }
      let open = try await two.hold(.oneRequest)
      for id in ids { try await under.hooks.runOut(id) }
      #expect(try await under.hooks.sweepExpiredReservations() == 7)
      #expect(try await one.used() == .init(requests: 2, tokens: 100, speechSeconds: 16))
      #expect(try await two.used() == .init(requests: 2, tokens: 50, speechSeconds: 8))
      #expect(try await two.settle(open, .zero).used == Self.held)
    }
  }

  @Test("A reservation of last month is settled and released in last month", arguments: Backend.allCases)
  func settledInItsMonth(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(tokens: 100))
      let (settled, released) = (try await key.hold(Self.held), try await key.hold(Self.held))
      try await under.hooks.monthPasses()
      let now = try #require(try await key.verify(.init(tokens: 7)).admitted)
      let settlement = try await key.settle(settled, .init(tokens: 51))
      let lastMonth = Period(containing: CivilDate(daysSinceEpoch: now.period.firstDay.daysSinceEpoch - 1))
      #expect(
        settlement
          == .settled(
            overLimit: true, period: lastMonth, used: .init(requests: 1, tokens: 101, speechSeconds: 8)))
      try await under.hooks.runOut(released)
      #expect(try await under.hooks.sweepExpiredReservations() == 1)
      #expect(try await key.used() == .init(tokens: 7))
      let query = AnalyticsQuery(firstDay: lastMonth.firstDay, lastDay: lastMonth.firstDay, keys: nil)
      let days = try await under.entered(key.organisation.id) { try await $0.dailyUsage(query) }
      #expect(days == [DailyUsage(day: lastMonth.firstDay, used: .init(tokens: 51))])
    }
  }

  @Test(
    "A reservation of zero amounts can be settled with other amounts", arguments: Backend.allCases,
    [false, true])
  func reservationOfNothing(backend: Backend, usedBefore: Bool) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      if usedBefore {
        _ = try await key.verify(Self.held)
        try await under.hooks.monthPasses()
      }
      let id = try await key.hold(.zero)
      let other = try await key.hold(.zero)
      #expect(try await key.settle(id, Self.held).used == Self.held)
      #expect(try await key.used() == Self.held)
      try await under.hooks.runOut(other)
      #expect(try await under.hooks.sweepExpiredReservations() == 1)
      #expect(try await key.used() == Self.held)
    }
  }

  @Test("Settling never takes a counter past 2^63 − 1", arguments: Backend.allCases, Dimension.allCases)
  func overflow(backend: Backend, dimension: Dimension) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      try await key.setUsed(.zero.with(Int64.max - 10, dimension))
      let id = try await key.hold(.zero.with(5, dimension))
      let before = try await under.hooks.meter()
      #expect(try await key.settle(id, .zero.with(11, dimension)) == .overflow)
      #expect(try await under.hooks.meter() == before)
      #expect(try await key.settle(id, .zero.with(10, dimension)).used?[dimension] == Int64.max)
    }
  }

  @Test("The reservations of a deleted key still expire", arguments: Backend.allCases)
  func keyDeleted(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      _ = try await key.verify()
      let id = try await key.hold(Self.held)
      try await key.delete()
      try await under.hooks.runOut(id)
      #expect(try await under.hooks.sweepExpiredReservations() == 1)
      let today = try await under.today(of: key.organisation.id)
      #expect(today == .oneRequest)
    }
  }
}

extension StoreUnderTest {
  /// The usage of the organisation's only day with usage, or `nil` if there is not exactly one.
  func today(of organisation: OrganisationID) async throws -> Amounts? {
    guard let first = CivilDate(year: 2000, month: 1, day: 1),
      let last = CivilDate(year: 2999, month: 1, day: 1)
    else { return nil }
    let days = try await entered(organisation) {
      try await $0.dailyUsage(.init(firstDay: first, lastDay: last, keys: nil))
    }
    return days.count == 1 ? days.first?.used : nil
  }
}
