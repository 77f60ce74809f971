import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The state that other threads can read, and the cancellation they can send, while the connection's thread
/// is busy.
final class ConnectionSignals: Sendable {
  let pipe: WakePipe
  /// The number of the last cancelled call.
  ///
  /// Call numbers only increase, so a late cancellation names a finished call and has no effect.
  private let cancelledCall = Atomic<UInt64>(0)
  private let status = Atomic<UInt8>(TransactionStatus.unknown.rawValue)
  /// The connection's socket, or -1 once it is closed.
  private let socket = Atomic<Int32>(-1)

  init(pipe: WakePipe) {
    self.pipe = pipe
  }

  func cancel(call: UInt64) {
    cancelledCall.max(call, ordering: .sequentiallyConsistent)
    pipe.wake()
  }

  func isCancelled(call: UInt64) -> Bool {
    cancelledCall.load(ordering: .sequentiallyConsistent) == call
  }

  /// Publishes the connection's state.
  ///
  /// `socket` is -1 once it is closed.
  func publish(status: TransactionStatus, socket: Int32) {
    self.status.store(status.rawValue, ordering: .releasing)
    self.socket.store(socket, ordering: .releasing)
  }

  var transactionStatus: TransactionStatus {
    TransactionStatus(rawValue: status.load(ordering: .acquiring)) ?? .unknown
  }

  var isOpen: Bool { descriptor >= 0 }

  var descriptor: Int32 { socket.load(ordering: .acquiring) }

  /// Whether nothing has arrived on the socket.
  ///
  /// If so, the server has not closed it.
  var isQuiet: Bool {
    var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll.fd >= 0 else { return false }
    return withUnsafeMutablePointer(to: &poll) { systemPoll($0, 1, 0) } == 0
  }
}

/// poll(2), under a name that does not collide with variables.
func systemPoll(_ descriptors: UnsafeMutablePointer<pollfd>, _ count: Int, _ milliseconds: Int32) -> Int32 {
  poll(descriptors, nfds_t(count), milliseconds)
}

/// A pipe that a thread polls together with its socket, so that other threads can wake it.
///
/// A wake-up carries no data: the woken thread checks what has changed. So extra or late wake-ups are
/// harmless.
final class WakePipe: Sendable {
  let readDescriptor: Int32
  private let writeDescriptor: Int32

  /// Opens the pipe.
  ///
  /// Nil if the process is out of file descriptors.
  init?() {
    var descriptors: [Int32] = [-1, -1]
    guard pipe(&descriptors) == 0 else { return nil }
    readDescriptor = descriptors[0]
    writeDescriptor = descriptors[1]
    for descriptor in descriptors {
      // Non-blocking, because a full pipe already has a wake-up pending. Not inherited by child processes.
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
  }

  deinit {
    close(readDescriptor)
    close(writeDescriptor)
  }

  func wake() {
    var byte: UInt8 = 1
    _ = write(writeDescriptor, &byte, 1)
  }

  /// Discards pending wake-ups.
  func drain() {
    var bytes: (UInt64, UInt64) = (0, 0)
    let size = MemoryLayout.size(ofValue: bytes)
    while read(readDescriptor, &bytes, size) == size {}
  }
}
