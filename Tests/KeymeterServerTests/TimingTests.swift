import Synchronization
import Testing

@testable import KeymeterServer

@Suite("Timeouts and periodic loops", .timeLimit(.minutes(10)))
struct TimingTests {
  @Test("Work that ignores cancellation is abandoned at the timeout")
  func abandoned() async {
    let (never, _) = AsyncStream.makeStream(of: Void.self)
    await #expect(throws: TimeoutError.self) {
      try await withTimeout(.milliseconds(50)) {
        await Task { for await _ in never {} }.value
      }
    }
  }

  @Test("Work that finishes in time returns its value or throws its error")
  func inTime() async throws {
    #expect(try await withTimeout(.seconds(30)) { 7 } == 7)
    await #expect(throws: CancellationError.self) {
      try await withTimeout(.seconds(30)) { throw CancellationError() }
    }
  }

  @Test("A periodic loop runs at once, repeats after each pause and ends when it is cancelled")
  func repeats() async {
    let runs = Mutex(0)
    let (firstThree, continuation) = AsyncStream.makeStream(of: Void.self)
    let loop = Task {
      await repeatUntilShutdown(every: .milliseconds(1)) {
        if runs.withLock({ runs in
          runs += 1; return runs
        }) == 3 {
          continuation.finish()
        }
      }
    }
    for await _ in firstThree {}
    loop.cancel()
    await loop.value
    #expect(runs.withLock { $0 } >= 3)
  }
}
