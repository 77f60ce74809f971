import KeymeterDomain
import Postgres
import Synchronization

/// What questions that take long may have of a node: few of them are under way at once, of one organisation fewer still, and
/// each has one time for all that it does.
///
/// A question over years is many statements, and PostgreSQL's time limit is one for each of them. By that alone a few
/// questions would hold every connection of the pool for minutes, and whoever manages keys would wait for them. One that
/// waits for its turn does so in its own time, and without a connection; among those of its own organisation first, so that
/// nobody's many questions are before somebody else's one.
final class AnalyticsQueryLimiter: Sendable {
  /// The time of three statements, and twice that of a year of an organisation with 100,000 keys (docs/scaling.md).
  ///
  /// It is shorter than a server that is told to stop waits for what is under way.
  static let longest = Duration.seconds(15)

  /// How many questions of one organisation a node has at the most; the memory of those that wait is bounded by it.
  static let most = 32

  /// The questions of one organisation.
  private struct Line {
    let places: AsyncSemaphore
    var questions = 0
  }

  private let places: AsyncSemaphore
  private let placesOfOne: Int
  private let lines = Mutex<[OrganisationID: Line]>([:])
  private let longest: Duration

  /// - Parameters:
  ///   - atOnce: how many may be under way; half of them may be one organisation's, one in any case.
  ///   - longest: how long one may take, its wait for a turn and for a connection included.
  init(atOnce: Int, longest: Duration = AnalyticsQueryLimiter.longest) {
    places = AsyncSemaphore(atOnce)
    placesOfOne = max(1, atOnce / 2)
    self.longest = longest
  }

  /// As many as leave at least three quarters of the pool to all others; one in any case.
  convenience init(sharing pool: ConnectionPool) {
    self.init(atOnce: max(1, pool.maximumConnections / 4))
  }

  /// How many there are, under way or waiting for their turn.
  var count: Int { lines.withLock { $0.values.reduce(0) { $0 + $1.questions } } }

  /// Runs `body` when it is its turn, and calls it off when its time is over.
  ///
  /// It returns when `body` has ended, which a statement does soon after it was called off.
  ///
  /// - Throws: what `body` throws, and `StoreError.unavailable` where it took too long, or the organisation has too many.
  func answer<Output: Sendable>(
    of organisation: OrganisationID, _ body: @escaping @Sendable () async throws -> Output
  ) async throws -> Output {
    let own = try join(organisation)
    defer { leave(organisation) }
    return try await withThrowingTaskGroup(of: Output.self) { group in
      group.addTask { [places] in try await own.hold { try await places.hold(body) } }
      group.addTask { [longest] in
        try await Task.sleep(for: longest)
        throw StoreError.unavailable(reason: "the question was not answered within \(longest)")
      }
      defer { group.cancelAll() }
      guard let output = try await group.next() else { throw CancellationError() }
      return output
    }
  }

  private func join(_ organisation: OrganisationID) throws(StoreError) -> AsyncSemaphore {
    let places = lines.withLock { lines -> AsyncSemaphore? in
      var line = lines[organisation] ?? Line(places: AsyncSemaphore(placesOfOne))
      guard line.questions < Self.most else { return nil }
      line.questions += 1
      lines[organisation] = line
      return line.places
    }
    guard let places else {
      throw StoreError.unavailable(reason: "\(Self.most) questions of the organisation wait already")
    }
    return places
  }

  private func leave(_ organisation: OrganisationID) {
    lines.withLock { lines in
      lines[organisation]?.questions -= 1
      if lines[organisation]?.questions == 0 { lines[organisation] = nil }
    }
  }
}
