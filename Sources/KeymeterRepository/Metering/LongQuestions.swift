import KeymeterDomain
import Postgres

/// What questions that take long may have of a node: few of them are under way at once, and each has one time for all
/// that it does.
///
/// A question over years is many statements, and PostgreSQL's time limit is one for each of them. By that alone a few
/// questions would hold every connection of the pool for minutes, and whoever manages keys would wait for them. One that
/// waits for its turn does so in its own time, and without a connection.
final class LongQuestions: Sendable {
  /// The time of three statements, and twice that of a year of an organisation with 100,000 keys (docs/scaling.md).
  ///
  /// It is shorter than a server that is told to stop waits for what is under way.
  static let longest = Duration.seconds(15)

  private let places: Places
  private let longest: Duration

  /// - Parameters:
  ///   - atOnce: how many may be under way.
  ///   - longest: how long one may take, its wait for a turn and for a connection included.
  init(atOnce: Int, longest: Duration = LongQuestions.longest) {
    places = Places(atOnce)
    self.longest = longest
  }

  /// As many as leave at least three quarters of the pool to all others; one in any case.
  convenience init(sharing pool: ConnectionPool) {
    self.init(atOnce: max(1, pool.maximumConnections / 4))
  }

  /// How many wait for their turn.
  var waiting: Int { places.waiting }

  /// Runs `body` when it is its turn, and calls it off when its time is over.
  ///
  /// It returns when `body` has ended, which a statement does soon after it was called off.
  ///
  /// - Throws: what `body` throws, and `StoreError.unavailable` where it took too long.
  func answer<Output: Sendable>(
    _ body: @escaping @Sendable () async throws -> Output
  ) async throws -> Output {
    try await withThrowingTaskGroup(of: Output.self) { group in
      group.addTask { [places] in try await places.hold(body) }
      group.addTask { [longest] in
        try await Task.sleep(for: longest)
        throw StoreError.unavailable(reason: "the question was not answered within \(longest)")
      }
      defer { group.cancelAll() }
      guard let output = try await group.next() else { throw CancellationError() }
      return output
    }
  }
}
