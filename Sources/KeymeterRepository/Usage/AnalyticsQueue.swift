import KeymeterDomain
import Synchronization

/// Runs one analytics query per organisation at a time, in order of arrival.
///
/// Analytics have a separate connection pool. Without this queue, one organisation could fill it.
final class AnalyticsQueue: Sendable {
  /// The time limit of a query, including its wait.
  ///
  /// PostgreSQL's statement timeout does not bound a query, which can be 36 statements. Shorter than the time
  /// that a node waits for requests in flight when it shuts down.
  static let longest = Duration.seconds(15)

  /// The maximum number of queries of one organisation, which bounds the memory of those that wait.
  static let most = 32

  private struct Line {
    var queries = 0
    /// Ends when the last query has ended, however it ended.
    var last: Task<Void, Never>?
  }

  private let lines = Mutex<[OrganisationID: Line]>([:])
  private let longest: Duration

  init(longest: Duration = AnalyticsQueue.longest) { self.longest = longest }

  /// The number of queries, running or waiting.
  var count: Int { lines.withLock { $0.values.reduce(0) { $0 + $1.queries } } }

  /// Runs `body` when all earlier queries of the organisation have ended, and cancels it at its time limit.
  ///
  /// All queries have the same time limit, so waiting for an earlier one never takes longer than the limit.
  ///
  /// - Throws: What `body` throws, and `StoreError.unavailable` if it took too long or too many are waiting.
  func run<Output: Sendable>(
    for organisation: OrganisationID, _ body: @escaping @Sendable () async throws -> Output
  ) async throws -> Output {
    let query = try enqueue(organisation, body)
    defer { leave(organisation) }
    return try await withThrowingTaskGroup(of: Output.self) { group in
      group.addTask {
        try await withTaskCancellationHandler {
          try await query.value
        } onCancel: {
          query.cancel()
        }
      }
      group.addTask { [longest] in
        try await Task.sleep(for: longest)
        throw StoreError.unavailable(reason: "the query did not finish within \(longest)")
      }
      defer { group.cancelAll() }
      guard let output = try await group.next() else { throw CancellationError() }
      return output
    }
  }

  private func enqueue<Output: Sendable>(
    _ organisation: OrganisationID, _ body: @escaping @Sendable () async throws -> Output
  ) throws(StoreError) -> Task<Output, any Error> {
    let query = lines.withLock { lines -> Task<Output, any Error>? in
      let line = lines[organisation] ?? Line()
      guard line.queries < Self.most else { return nil }
      let query = Task {
        await line.last?.value
        try Task.checkCancellation()
        return try await body()
      }
      lines[organisation] = Line(queries: line.queries + 1, last: Task { _ = await query.result })
      return query
    }
    guard let query else {
      throw StoreError.unavailable(reason: "\(Self.most) queries of the organisation are waiting")
    }
    return query
  }

  private func leave(_ organisation: OrganisationID) {
    lines.withLock { lines in
      lines[organisation]?.queries -= 1
      if lines[organisation]?.queries == 0 { lines[organisation] = nil }
    }
  }
}
