import Synchronization

/// How many connections are open, and whether another one may be.
final class ConnectionCount: Sendable {
  let limit: Int
  private let open = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  /// Counts a connection that was accepted, until `leave` is called for it.
  ///
  /// - Returns: whether it is within the limit.
  func enter() -> Bool { open.wrappingAdd(1, ordering: .relaxed).newValue <= limit }

  /// How many are open, those beyond the limit that are being turned away included.
  var count: Int { open.load(ordering: .relaxed) }

  func leave() { open.wrappingSubtract(1, ordering: .relaxed) }
}
