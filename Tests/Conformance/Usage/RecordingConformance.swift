import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Recording usage", .timeLimit(.minutes(10)))
struct RecordingConformance {
  @Test("Recorded usage is counted in full, and marked if it exceeds a limit", arguments: Backend.allCases)
  func neverRefused(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 2, tokens: 0))
      let within = try #require(try await key.record(.init(requests: 2)).counted)
      #expect(within == (false, false, Amounts(requests: 2)))
      let beyond = try #require(try await key.record(.init(requests: 1)).counted)
      #expect(beyond == (true, false, Amounts(requests: 3)))
      let more = try #require(try await key.record(.init(tokens: 9)).counted)
      #expect(more == (true, false, Amounts(requests: 3, tokens: 9)))
      #expect(try await key.used() == .init(requests: 3, tokens: 9))
      #expect(try await key.verify().rejection == .overLimit(.requests))
    }
  }

  @Test(
    "Recording is rejected only where it would overflow a counter", arguments: Backend.allCases,
    Dimension.allCases)
  func ceiling(backend: Backend, dimension: Dimension) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let near = Amounts.zero.with(Int64.max - 3, dimension)
      try await key.setUsed(near)
      let before = try await under.hooks.meter()
      guard
        case .rejected(.overLimit(dimension), let standing) = try await key.record(
          .zero.with(4, dimension), event: "e")
      else {
        Issue.record("the counter overflowed")
        return
      }
      #expect(standing?.used == near)
      #expect(try await under.hooks.meter() == before)
      #expect(try await key.record(.zero.with(3, dimension), event: "e").counted?.repeated == false)
    }
  }

  @Test("An event counts once, and a repetition gets the first response", arguments: Backend.allCases)
  func eventOnce(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(tokens: 10))
      let amounts = Amounts(tokens: 6)
      #expect(try #require(try await key.record(amounts, event: "a").counted) == (false, false, amounts))
      let twice = Amounts(tokens: 12)
      #expect(try #require(try await key.record(amounts, event: "b").counted) == (true, false, twice))
      #expect(try #require(try await key.record(amounts, event: "a").counted) == (false, true, twice))
      #expect(try #require(try await key.record(amounts, event: "b").counted) == (true, true, twice))
      #expect(try await key.record(amounts).counted?.used == .init(tokens: 18))
      #expect(try await key.record(amounts, event: "A").counted?.repeated == false)
    }
  }

  @Test(
    "A repeated event with another key or other amounts is reported as different", arguments: Backend.allCases
  )
  func eventDiffers(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let (key, sibling) = (try await under.key(of: clinic), try await under.key(of: clinic))
      _ = try await key.record(.oneRequest, event: "a")
      let before = try await under.hooks.meter()
      #expect(try await key.record(.init(requests: 2), event: "a") == .differs)
      #expect(try await key.record(.init(requests: 1, tokens: 1), event: "a") == .differs)
      #expect(try await sibling.record(.oneRequest, event: "a") == .differs)
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test("Event ids are scoped to an organisation and compared byte by byte", arguments: Backend.allCases)
  func eventScope(backend: Backend) async throws {
    try await backend.withStore { under in
      let (key, stranger) = (try await under.key(), try await under.key())
      _ = try await key.record(.oneRequest, event: "caf\u{E9}")
      #expect(try await stranger.record(.oneRequest, event: "caf\u{E9}").counted?.repeated == false)
      #expect(try await key.record(.oneRequest, event: "cafe\u{301}").counted?.repeated == false)
      #expect(try await key.record(.oneRequest, event: "caf\u{E9}").counted?.repeated == true)
      #expect(try await key.used() == .init(requests: 2))
    }
  }

  @Test(
    "Only an active key can record usage, and a rejection leaves the event id free",
    arguments: Backend.allCases)
  func rejected(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let (expired, revoked) = (try await under.key(of: clinic), try await under.key(of: clinic))
      let (deleted, good) = (try await under.key(of: clinic), try await under.key(of: clinic))
      try await under.hooks.expire(expired.id)
      try await revoked.revoke()
      try await deleted.delete()
      for event in [nil, "a"] {
        #expect(try await expired.record(.oneRequest, event: event).rejection == .expired)
        #expect(try await revoked.record(.oneRequest, event: event).rejection == .revoked)
        #expect(try await deleted.record(.oneRequest, event: event).rejection == .unknownKey)
      }
      #expect(try await under.hooks.meter().isEmpty)
      #expect(try await good.record(.oneRequest, event: "a").counted?.repeated == false)
    }
  }

  @Test("Recording zero amounts counts nothing but stores the event", arguments: Backend.allCases)
  func nothing(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 0))
      #expect(try #require(try await key.record(.zero, event: "a").counted) == (false, false, .zero))
      #expect(try #require(try await key.record(.zero, event: "a").counted) == (false, true, .zero))
      #expect(try await key.record(.oneRequest, event: "a") == .differs)
      #expect(try await key.used() == .zero)
    }
  }

  @Test("An event of last month is not counted again this month", arguments: Backend.allCases)
  func eventOfLastMonth(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      _ = try await key.record(.oneRequest, event: "a")
      try await under.hooks.monthPasses()
      #expect(try #require(try await key.record(.oneRequest, event: "a").counted) == (false, true, .zero))
      #expect(try await key.used() == .zero)
    }
  }
}

extension RecordResult {
  var rejection: AdmissionRejection? {
    if case .rejected(let rejection, _) = self { rejection } else { nil }
  }
}
