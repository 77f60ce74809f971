import KeymeterServer
import Testing

@Suite("withTimeout", .timeLimit(.minutes(10)))
struct TimeoutTests {
  @Test("It abandons work that ignores cancellation")
  func abandoned() async {
    let (never, _) = AsyncStream.makeStream(of: Void.self)
    await #expect(throws: TimeoutError.self) {
      try await withTimeout(.milliseconds(50)) {
        await Task { for await _ in never {} }.value
      }
    }
  }

  @Test("It returns the value or error of work that ends in time")
  func inTime() async throws {
    #expect(try await withTimeout(.seconds(30)) { 7 } == 7)
    await #expect(throws: CancellationError.self) {
      try await withTimeout(.seconds(30)) { throw CancellationError() }
    }
  }
}
