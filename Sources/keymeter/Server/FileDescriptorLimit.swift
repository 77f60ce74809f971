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

  /// How far a process may raise its own limit; nil where the system doesn't say.
  static var highest: Int? {
    var limits = rlimit()
    guard getrlimit(files, &limits) == 0 else { return nil }
    return Int(clamping: limits.rlim_max)
  }

  /// How many of these connections fit in so many files.
  static func room(for connections: Int, within limit: Int, databaseConnections: Int) -> Int {
    max(1, min(connections, limit - others(databaseConnections)))
  }

  /// Raises the limit as far as the connections need and the system allows.
  ///
  /// Only where their number was asked for is it worth a warning that fewer fit.
  ///
  /// - Returns: how many connections fit: a server that has run out of descriptors can't even turn anybody away.
  static func makeRoom(for asked: ConnectionLimits, databaseConnections: Int, logger: Logger) -> Int {
    let connections = asked.connections
    var limits = rlimit()
    guard getrlimit(files, &limits) == 0 else { return connections }
    let wanted = rlim_t(connections + others(databaseConnections))
    if limits.rlim_cur < wanted {
      limits.rlim_cur = min(wanted, limits.rlim_max)
      guard setrlimit(files, &limits) == 0 else { return connections }
    }
    guard limits.rlim_cur < wanted else { return connections }
    let room = room(
      for: connections, within: Int(clamping: limits.rlim_cur), databaseConnections: databaseConnections)
    logger.log(
      level: asked.connectionsAreNamed ? .warning : .info,
      "fewer connections than \(ConnectionLimits.connectionsName): the limit on open files (ulimit -n) is too low",
      metadata: ["connections": .stringConvertible(room), "files": .stringConvertible(limits.rlim_cur)])
    return room
  }

  private static func others(_ databaseConnections: Int) -> Int { reserve + 4 * databaseConnections }
}
