import Synchronization

/// Counts the open connections against the limit.
final class ConnectionCount: Sendable {
  let limit: Int
  private let open = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  /// Counts an accepted connection until `leave` is called.
  ///
  /// - Returns: Whether it is within the limit.
  func enter() -> Bool { open.wrappingAdd(1, ordering: .relaxed).newValue <= limit }

  /// The number of open connections, including those beyond the limit that are being closed.
  var count: Int { open.load(ordering: .relaxed) }

  func leave() { open.wrappingSubtract(1, ordering: .relaxed) }
}
