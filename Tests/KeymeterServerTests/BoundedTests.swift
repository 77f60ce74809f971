import Testing

@testable import KeymeterOps

@Suite("Work that may never end", .timeLimit(.minutes(1)))
struct BoundedTests {
  @Test("Is left alone after its time, even if it can't be cancelled")
  func leftAlone() async {
    let (never, _) = AsyncStream.makeStream(of: Void.self)
    await #expect(throws: TooSlow.self) {
      try await Bounded.run(.milliseconds(50)) {
        await Task { for await _ in never {} }.value
      }
    }
  }

  @Test("That ends in time gives its value or its error")
  func inTime() async throws {
    #expect(try await Bounded.run(.seconds(30)) { 7 } == 7)
    await #expect(throws: CancellationError.self) {
      try await Bounded.run(.seconds(30)) { throw CancellationError() }
    }
  }
}
