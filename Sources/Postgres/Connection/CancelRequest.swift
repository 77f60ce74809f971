import CLibpq
import Synchronization

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
