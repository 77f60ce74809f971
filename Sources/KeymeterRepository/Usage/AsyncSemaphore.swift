import Synchronization

/// A bounded number of places, each held by one caller, and waited for in the order of coming.
///
/// A caller that is cancelled while it waits is let go at once, and is in nobody's way.
final class AsyncSemaphore: Sendable {
  /// Whoever takes a waiter out of it resumes it, and nobody else can.
  private let line: Mutex<FairWaitQueue<CheckedContinuation<Bool, Never>>>

  /// - Parameter count: how many there are.
  init(_ count: Int) { line = Mutex(FairWaitQueue(count)) }

  /// How many wait for a place.
  var waiting: Int { line.withLock { $0.count } }

  /// Runs `body` in a place, which is free again when it has ended, however it ends.
  ///
  /// - Throws: what `body` throws, and `CancellationError` where the wait was called off.
  func hold<Output: Sendable>(_ body: () async throws -> Output) async throws -> Output {
    try await enter()
    defer { leave() }
    return try await body()
  }

  private func enter() async throws {
    let caller = line.withLock { $0.newCaller() }
    let hasPlace = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = line.withLock { line in
          // A cancellation that came before found nobody to call off; one that comes later waits for this lock.
          guard !Task.isCancelled else { return false }
          return line.join(caller, continuation) ? true : nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      line.withLock { $0.callOff(caller) }?.resume(returning: false)
    }
    guard hasPlace else { throw CancellationError() }
  }

  /// Hands the place to whoever is next, so that nobody who comes now takes it first.
  private func leave() {
    line.withLock { $0.leave() }?.resume(returning: true)
  }
}
