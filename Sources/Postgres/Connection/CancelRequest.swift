import CLibpq
import Synchronization

/// A request to the server to stop what one connection is doing.
///
/// `PQcancel` opens a connection of its own and blocks until the server closes it, which a frozen server never does.
/// So it runs on a thread of its own, and that thread owns everything it needs: the connection may be gone by then.
final class CancelRequest: Sendable {
  /// libpq's token, which only the thread that runs the request uses.
  private struct Token: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  /// Against a server that never answers the threads would pile up; beyond this many no more are started.
  private static let maximumOutstanding = 64
  private static let outstanding = Atomic<Int>(0)

  private let hasReturned = Atomic<Bool>(false)

  private init() {}

  /// Whether `PQcancel` is through.
  ///
  /// Until then the connection must not be used: the cancellation could hit whatever
  /// it is doing by then.
  var isFinished: Bool { hasReturned.load(ordering: .acquiring) }

  /// Starts a request and wakes `pipe` when it is through; nil if it can't be started.
  static func start(for connection: OpaquePointer, waking pipe: WakePipe) -> CancelRequest? {
    guard outstanding.load(ordering: .relaxed) < maximumOutstanding,
      let pointer = PQgetCancel(connection)
    else { return nil }
    let request = CancelRequest()
    let token = Token(pointer: pointer)
    outstanding.add(1, ordering: .relaxed)
    let started = DetachedThread.start {
      var message = [CChar](repeating: 0, count: 256)
      // Its failure needs no word: the query then goes on, and the connection is given up in time.
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
