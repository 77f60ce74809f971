import KeymeterTesting
import Testing

/// A fuzzer: requests that nobody thought of, made by a seed that a failure names.
@Suite("Hostile input that is generated", .timeLimit(.minutes(20)))
struct GeneratedInputTests {
  /// After so many requests there is a new service: its key may be gone, and its lists are long.
  private static let round = 100

  @Test("No request gives a 5xx, crashes, hangs, or has an answer without its form")
  func model() async throws {
    try await attack(FuzzSettings.cases, HostileService.withModel)
  }

  @Test("So it is over PostgreSQL, which sees what the handlers let through")
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
          // By itself, so that one more draw in one request does not change all that come after it.
          var generator = HostileGenerator(seed: FuzzSettings.seed &* 1_000_003 &+ UInt64(index))
          let request = generator.request(of: service.caller)
          tally.count(try await service.attack(request, FuzzSettings.replay(index)))
        }
        #expect(
          try await service.callerIsAuthentic(),
          "what came before proves nothing; \(FuzzSettings.replay(start))")
      }
    }
    // Where all were refused at the door, the test would say little.
    #expect(tally.share { (200..<300).contains($0) } > 0.1, "\(tally)")
    #expect(tally.share { $0 == 400 } > 0.1, "\(tally)")
    #expect(tally.share { $0 == 401 } < 0.3, "\(tally)")
  }
}
