import Logging
import Synchronization

/// What waits for clients that take their answers slowly, on all connections together.
///
/// One answer is a few megabytes at most, and each client must take some of it all the time (`RequestTimeoutHandler`); but so many
/// connections may be open that they could fill the memory together. Beyond the limit whoever has waited longest is cut
/// off: that is a slow client, and one who takes an answer as it comes waits for moments.
final class WriteBufferLimit: Sendable {
  /// In bytes.
  static let standardLimit = 64 * 1_024 * 1_024

  /// Stands for one connection that has something to take.
  struct Ticket: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  private struct Waiting {
    let bytes: Int
    let cutOff: @Sendable (Ticket) -> Void
  }

  private struct State {
    var waiting: [Ticket: Waiting] = [:]
    var bytes = 0
    var last: UInt64 = 0
    /// No ticket before this one is waiting.
    var oldest: UInt64 = 1
    var isTold = false

    /// Takes out whoever has waited longest.
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

  /// - Parameter logger: is told when the first client is cut off, and again after the backlog has halved.
  init(limit: Int = WriteBufferLimit.standardLimit, logger: Logger? = nil) {
    self.limit = limit
    self.logger = logger
  }

  /// How much waits, in bytes.
  var bytes: Int { state.withLock { $0.bytes } }

  /// Notes what a connection's client has to take, and cuts others off as far as it is too much.
  ///
  /// - Parameter cutOff: ends the connection, if that ticket is still its own; is called at most once, on any thread.
  func enter(_ bytes: Int, cutOff: @escaping @Sendable (Ticket) -> Void) -> Ticket {
    let (ticket, others, tells) = state.withLock { state in
      state.last += 1
      let ticket = Ticket(number: state.last)
      state.waiting[ticket] = Waiting(bytes: bytes, cutOff: cutOff)
      state.bytes += bytes
      var others: [(ticket: Ticket, waiting: Waiting)] = []
      while state.bytes > limit, let other = state.removeOldest() { others.append(other) }
      let tells = !others.isEmpty && !state.isTold
      if tells { state.isTold = true }
      return (ticket, others, tells)
    }
    for other in others { other.waiting.cutOff(other.ticket) }
    if tells {
      logger?.warning(
        "slow clients are cut off: too much waits for them", metadata: ["bytes": .stringConvertible(limit)])
    }
    return ticket
  }

  /// Forgets a connection whose client has caught up, or has gone.
  func leave(_ ticket: Ticket) {
    state.withLock { state in
      guard let waiting = state.waiting.removeValue(forKey: ticket) else { return }
      state.bytes -= waiting.bytes
      if state.bytes <= limit / 2 { state.isTold = false }
    }
  }
}
