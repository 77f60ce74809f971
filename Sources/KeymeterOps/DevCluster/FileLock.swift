import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An advisory lock on a file (`flock`), which the kernel releases when its process dies.
///
/// The descriptor is close-on-exec: the server must not inherit the lock of the process that started it.
final class FileLock: Sendable {
  enum Mode: Sendable {
    /// Any number of holders, none of them exclusive.
    case shared
    /// One holder.
    case exclusive
  }

  private let descriptor: FileDescriptor

  private init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

  deinit {
    // Closing alone would leave it locked while a child between fork and exec holds a copy.
    release()
    try? descriptor.close()
  }

  /// Takes the lock if it is free; nil if somebody holds it.
  static func tryAcquire(_ path: FilePath, _ mode: Mode) throws(EmbeddedPostgresError) -> FileLock? {
    let lock: FileLock
    do {
      lock = FileLock(
        try FileDescriptor.open(
          path, .readWrite, options: [.create, .noFollow, .closeOnExec], permissions: .ownerReadWrite))
    } catch {
      throw .fileSystem(operation: "open the lock file", path: path, reason: "\(error)")
    }
    let operation = mode == .shared ? LOCK_SH : LOCK_EX
    if flock(lock.descriptor.rawValue, operation | LOCK_NB) == 0 { return lock }
    if errno == EWOULDBLOCK || errno == EINTR { return nil }
    throw Files.failure("lock", path)
  }

  /// Waits for the exclusive lock, looking every 20 ms so that no thread is blocked.
  static func acquire(_ path: FilePath, within bound: Duration) async throws -> FileLock {
    let deadline = ContinuousClock.now + bound
    while true {
      if let lock = try tryAcquire(path, .exclusive) { return lock }
      guard ContinuousClock.now < deadline else { throw EmbeddedPostgresError.locked(path: path) }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Gives the lock back; needed because a last use may otherwise end the lifetime too early.
  func release() { _ = flock(descriptor.rawValue, LOCK_UN) }
}
