import CLibpq
import Synchronization

/// One exchange with the server: its number, its deadline and its cancellation state.
struct Call {
  let number: UInt64
  /// False for commands that must complete even if the caller's task was cancelled, such as `ROLLBACK`.
  let isCancellable: Bool
  /// When the caller gives up and closes the connection.
  private(set) var limit: ContinuousClock.Instant
  private(set) var cancelRequest: CancelRequest?
  private(set) var wasCancelled = false

  /// How long a cancelled query may take to stop before its connection is closed.
  private static let windDown = Duration.seconds(2)

  init(number: UInt64, isCancellable: Bool, deadline: Duration) {
    self.number = number
    self.isCancellable = isCancellable
    limit = .now + deadline
  }

  /// Marks the call as cancelled.
  ///
  /// With no cancel request (nil), the connection is given up at once.
  mutating func cancel(with request: CancelRequest?) {
    wasCancelled = true
    cancelRequest = request
    limit = request == nil ? .now : min(limit, .now + Self.windDown)
  }

  /// The milliseconds left for poll(2), rounded up, or 0 after the deadline.
  var millisecondsLeft: Int32 {
    Int32(clamping: max(0, (limit - .now).wholeMilliseconds))
  }
}

/// A request to the server to cancel what one connection is running.
///
/// `PQcancel` opens a second connection and blocks until the server closes it, which a frozen server never
/// does. So it runs on a separate thread that owns everything it needs, because the original connection may
/// be gone by then.
final class CancelRequest: Sendable {
  /// libpq's cancel token, used only by the request's thread.
  private struct Token: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  /// Caps the threads that pile up when a server never answers.
  private static let maximumOutstanding = 64
  private static let outstanding = Atomic<Int>(0)

  private let hasReturned = Atomic<Bool>(false)

  private init() {}

  /// Whether `PQcancel` has returned.
  ///
  /// Until then the connection must not be reused: a late cancellation could hit its next query.
  var isFinished: Bool { hasReturned.load(ordering: .acquiring) }

  /// Starts a request and wakes `pipe` when it has finished.
  ///
  /// Nil if it can't be started.
  static func start(for connection: OpaquePointer, waking pipe: WakePipe) -> CancelRequest? {
    guard outstanding.load(ordering: .relaxed) < maximumOutstanding,
      let pointer = PQgetCancel(connection)
    else { return nil }
    let request = CancelRequest()
    let token = Token(pointer: pointer)
    outstanding.add(1, ordering: .relaxed)
    let started = DetachedThread.start {
      var message = [CChar](repeating: 0, count: 256)
      // A failure needs no handling: the query goes on, and its deadline closes the connection.
      _ = PQcancel(token.pointer, &message, Int32(message.count))
      PQfreeCancel(token.pointer)
      outstanding.subtract(1, ordering: .relaxed)
      request.hasReturned.store(true, ordering: .releasing)
      pipe.wake()
    }
    guard started else {
      outstanding.subtract(1, ordering: .relaxed)
      PQfreeCancel(pointer)
      return nil
    }
    return request
  }
}
