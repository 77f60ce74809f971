import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A pipe that a thread polls beside its socket, so that others can wake it.
///
/// A wake-up carries no meaning: the woken thread looks for itself at what has changed. So one too many, or one that
/// comes late, does no harm.
final class WakePipe: Sendable {
  let readDescriptor: Int32
  private let writeDescriptor: Int32

  /// Opens the pipe; nil if the process has no file descriptors left.
  init?() {
    var descriptors: [Int32] = [-1, -1]
    guard pipe(&descriptors) == 0 else { return nil }
    readDescriptor = descriptors[0]
    writeDescriptor = descriptors[1]
    for descriptor in descriptors {
      // Not blocking: a full pipe means a wake-up is already on its way. Not inherited by child processes.
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

  /// Takes out the wake-ups that have come.
  func drain() {
    var bytes: (UInt64, UInt64) = (0, 0)
    let size = MemoryLayout.size(ofValue: bytes)
    while read(readDescriptor, &bytes, size) == size {}
  }
}

/// What other threads may know of a connection and say to it, while its own thread is busy or asleep.
final class ConnectionSignals: Sendable {
  let pipe: WakePipe
  /// The number of the last call that was cancelled.
  ///
  /// Calls are numbered upwards, one at a time, so that a
  /// cancellation that comes late names a call that is over and touches nothing.
  private let cancelledCall = Atomic<UInt64>(0)
  private let status = Atomic<UInt8>(TransactionStatus.unknown.rawValue)
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

  /// Notes how the connection stands; `socket` is -1 once it is closed.
  func publish(status: TransactionStatus, socket: Int32) {
    self.status.store(status.rawValue, ordering: .releasing)
    self.socket.store(socket, ordering: .releasing)
  }

  var transactionStatus: TransactionStatus {
    TransactionStatus(rawValue: status.load(ordering: .acquiring)) ?? .unknown
  }

  var isOpen: Bool {
    socket.load(ordering: .acquiring) >= 0
  }

  /// Whether nothing has arrived on the socket: then the server has neither closed it nor said good-bye.
  var isQuiet: Bool {
    var poll = pollfd(fd: socket.load(ordering: .acquiring), events: Int16(POLLIN), revents: 0)
    guard poll.fd >= 0 else { return false }
    return withUnsafeMutablePointer(to: &poll) { systemPoll($0, 1, 0) } == 0
  }
}

/// poll(2), under a name that does not collide with variables.
func systemPoll(_ descriptors: UnsafeMutablePointer<pollfd>, _ count: Int, _ milliseconds: Int32) -> Int32 {
  poll(descriptors, nfds_t(count), milliseconds)
}
