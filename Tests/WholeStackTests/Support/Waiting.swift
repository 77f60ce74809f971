/// A reason why a test cannot continue.
struct TestFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// How long tests wait for a condition before they fail.
///
/// It only bounds a hang: a busy machine never needs it all.
let patience = Duration.seconds(180)

/// Waits until `condition` returns a value.
func eventually<Value: Sendable>(
  _ what: String, _ condition: @Sendable () async throws -> Value?
) async throws -> Value {
  let end = ContinuousClock.now + patience
  while ContinuousClock.now < end {
    if let value = try await condition() { return value }
    try await Task.sleep(for: .milliseconds(20))
  }
  throw TestFailure("timed out waiting for \(what)")
}

/// Runs `body`, and fails if it does not return.
func withPatience<Value: Sendable>(
  _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: patience)
      throw TestFailure("timed out waiting for \(what)")
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw TestFailure("no task ran") }
    return value
  }
}
