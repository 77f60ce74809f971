import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How many files and sockets the operating system lets this process have.
enum FileDescriptorLimit {
  /// What the process needs beside its clients' connections: the database's, log, event loops, files.
  private static let reserve = 200

  #if canImport(Glibc)
    private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let files = RLIMIT_NOFILE
  #endif

  /// Raises the limit as far as the connections need and the system allows.
  ///
  /// - Returns: how many connections fit: a server that has run out of descriptors can't even turn anybody away.
  static func makeRoom(for connections: Int, databaseConnections: Int, logger: Logger) -> Int {
    var limits = rlimit()
    guard getrlimit(files, &limits) == 0 else { return connections }
    let others = reserve + 4 * databaseConnections
    let wanted = rlim_t(connections + others)
    if limits.rlim_cur < wanted {
      limits.rlim_cur = min(wanted, limits.rlim_max)
      guard setrlimit(files, &limits) == 0 else { return connections }
    }
    guard limits.rlim_cur < wanted else { return connections }
    let room = max(1, Int(limits.rlim_cur) - others)
    logger.warning(
      "fewer connections than KEYMETER_CONNECTIONS: the limit on open files (ulimit -n) is too low",
      metadata: ["connections": .stringConvertible(room), "files": .stringConvertible(limits.rlim_cur)])
    return room
  }
}
