/// Work that may never end, and is left alone then.
enum Bounded {
  /// Runs `work`, and goes on without it after a time.
  ///
  /// Unlike a task group it doesn't wait for what can't be cancelled, such as libpq connecting.
  ///
  /// - Throws: what `work` throws, or `TooSlow`.
  static func run<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let (results, continuation) = AsyncThrowingStream.makeStream(of: Value.self)
    let task = Task {
      do {
        continuation.yield(try await work())
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    let alarm = Task {
      try await Task.sleep(for: limit)
      continuation.finish(throwing: TooSlow(limit: limit))
    }
    defer {
      task.cancel()
      alarm.cancel()
    }
    for try await value in results { return value }
    throw TooSlow(limit: limit)
  }
}

/// Something took longer than anybody waits for it.
struct TooSlow: Error, CustomStringConvertible {
  let limit: Duration

  var description: String { "no answer within \(limit.components.seconds) s" }
}
