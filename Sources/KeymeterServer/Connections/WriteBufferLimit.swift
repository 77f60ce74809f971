import Logging
import Synchronization

/// Limits the unsent response bytes of all connections together.
///
/// A response is a few megabytes at most, and each client must keep reading (`ConnectionGuard`). But
/// enough connections could still exhaust memory. Beyond the limit, the client that has been behind for
/// longest is disconnected: normal clients are behind only for moments.
final class WriteBufferLimit: Sendable {
  /// In bytes.
  static let standardLimit = 64 * 1_024 * 1_024

  /// Identifies one connection with unsent bytes.
  struct Ticket: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  private struct Waiting {
    let bytes: Int
    let disconnect: @Sendable (Ticket) -> Void
  }

  private struct State {
    var waiting: [Ticket: Waiting] = [:]
    var bytes = 0
    var last: UInt64 = 0
    /// The lowest ticket that may still be waiting.
    var oldest: UInt64 = 1
    var hasWarned = false

    /// Removes the connection that has been behind for longest.
    mutating func removeOldest() -> (ticket: Ticket, waiting: Waiting)? {
      while oldest <= last {
        let ticket = Ticket(number: oldest)
        oldest += 1
        guard let found = waiting.removeValue(forKey: ticket) else { continue }
        bytes -= found.bytes
        return (ticket, found)
      }
      return nil
    }
  }

  private let limit: Int
  private let logger: Logger?
  private let state = Mutex(State())

  /// - Parameter logger: Warns when the first client is disconnected, and again only after the total has
  ///   halved.
  init(limit: Int = WriteBufferLimit.standardLimit, logger: Logger? = nil) {
    self.limit = limit
    self.logger = logger
  }

  /// The total of unsent bytes.
  var bytes: Int { state.withLock { $0.bytes } }

  /// Registers a connection's unsent bytes, and disconnects other clients until the total fits.
  ///
  /// - Parameter disconnect: Closes the connection if the ticket is still current. Called at most once, on any
  ///   thread.
  func enter(_ bytes: Int, disconnect: @escaping @Sendable (Ticket) -> Void) -> Ticket {
    let (ticket, others, warns) = state.withLock { state in
      state.last += 1
      let ticket = Ticket(number: state.last)
      state.waiting[ticket] = Waiting(bytes: bytes, disconnect: disconnect)
      state.bytes += bytes
      var others: [(ticket: Ticket, waiting: Waiting)] = []
      while state.bytes > limit, let other = state.removeOldest() { others.append(other) }
      let warns = !others.isEmpty && !state.hasWarned
      if warns { state.hasWarned = true }
      return (ticket, others, warns)
    }
    for other in others { other.waiting.disconnect(other.ticket) }
    if warns {
      logger?.warning(
        "disconnecting slow clients: too many unsent bytes", metadata: ["bytes": .stringConvertible(limit)])
    }
    return ticket
  }

  /// Unregisters a connection that has caught up or closed.
  func leave(_ ticket: Ticket) {
    state.withLock { state in
      guard let waiting = state.waiting.removeValue(forKey: ticket) else { return }
      state.bytes -= waiting.bytes
      if state.bytes <= limit / 2 { state.hasWarned = false }
    }
  }
}
