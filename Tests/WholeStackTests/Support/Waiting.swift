/// A test can't go on; says why.
struct TestFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Waits until `condition` gives a value, for `limit` at most.
func eventually<Value: Sendable>(
  _ what: String, within limit: Duration = .seconds(30), _ condition: @Sendable () async throws -> Value?
) async throws -> Value {
  let clock = ContinuousClock()
  let end = clock.now.advanced(by: limit)
  while clock.now < end {
    if let value = try await condition() { return value }
    try await Task.sleep(for: .milliseconds(20))
  }
  throw TestFailure("waited in vain for \(what)")
}

/// Runs `body`, for `limit` at most.
func within<Value: Sendable>(
  _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw TestFailure("waited too long for \(what)")
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw TestFailure("nothing ran") }
    return value
  }
}
