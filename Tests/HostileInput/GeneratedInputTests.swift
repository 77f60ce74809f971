import KeymeterTesting
import Testing

/// A fuzzer.
///
/// A failure reports the seed of its requests.
@Suite("Hostile input: generated requests", .timeLimit(.minutes(20)))
struct GeneratedInputTests {
  /// The number of requests per service.
  ///
  /// A new one has its key again and short lists.
  private static let round = 100

  @Test("No generated request causes a 5xx, a crash, a hang or a malformed response")
  func model() async throws {
    try await attack(FuzzSettings.cases, HostileService.withModel)
  }

  @Test("Over PostgreSQL no generated request causes a 5xx, a crash, a hang or a malformed response")
  func postgres() async throws {
    try await attack(max(100, FuzzSettings.cases / 10), HostileService.withPostgres)
  }

  private func attack(
    _ cases: Int, _ withService: (@Sendable (HostileService) async throws -> Void) async throws -> Void
  ) async throws {
    let tally = Tally()
    for start in stride(from: 0, to: cases, by: Self.round) {
      try await withService { service in
        for index in start..<min(start + Self.round, cases) {
          // Each request has its own generator, so that an extra draw in one does not change the others.
          var generator = HostileGenerator(seed: FuzzSettings.seed &* 1_000_003 &+ UInt64(index))
          let request = generator.request(of: service.caller)
          tally.count(try await service.attack(request, FuzzSettings.replay(index)))
        }
        #expect(
          try await service.callerIsAuthentic(),
          "the preceding requests prove nothing; \(FuzzSettings.replay(start))")
      }
    }
    // If all requests were rejected early, the test would prove little.
    #expect(tally.share { (200..<300).contains($0) } > 0.1, "\(tally)")
    #expect(tally.share { $0 == 400 } > 0.1, "\(tally)")
    #expect(tally.share { $0 == 401 } < 0.3, "\(tally)")
  }
}
