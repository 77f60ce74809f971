import ServiceLifecycle
import Synchronization

/// Waits for a time, so that a test can use its own clock.
typealias Sleep = @Sendable (Duration) async throws -> Void

/// Runs `work` at once and then again after each pause, until the server shuts down.
func repeatUntilShutdown(
  every interval: Duration, sleep: @escaping Sleep = { try await Task.sleep(for: $0) },
  _ work: @escaping @Sendable () async -> Void
) async {
  await cancelWhenGracefulShutdown {
    while !Task.isCancelled {
      await work()
      try? await sleep(interval)
    }
  }
}

/// Returns the result of `work`, or throws `TimeoutError` once `limit` has passed.
///
/// Unlike a task group, it doesn't wait for work that ignores cancellation, for example libpq while it connects.
package func withTimeout<Value: Sendable>(
  _ limit: Duration,
  sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
  _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    let first = FirstResult(continuation)
    let task = Task { try await work() }
    let timer = Task {
      guard (try? await sleep(limit)) != nil else { return }
      first.resume(with: .failure(TimeoutError(limit: limit)))
      task.cancel()
    }
    Task {
      first.resume(with: await task.result)
      timer.cancel()
    }
  }
}

package struct TimeoutError: Error, CustomStringConvertible {
  let limit: Duration

  package var description: String { "no answer within \(limit.components.seconds) s" }
}

/// Resumes a continuation with the first of several results and ignores the others.
private final class FirstResult<Value: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<Value, any Error>?>

  init(_ continuation: CheckedContinuation<Value, any Error>) { self.continuation = Mutex(continuation) }

  func resume(with result: Result<Value, any Error>) {
    continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }?.resume(with: result)
  }
}
