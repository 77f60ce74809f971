import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The operating system's limit on this process's open files and sockets.
package enum FileDescriptorLimit {
  /// The descriptors reserved for everything but client connections: database, log, event loops, files.
  private static let reserve = 200

  #if canImport(Glibc)
    private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let files = RLIMIT_NOFILE
  #endif

  /// The hard limit, up to which a process may raise its own, or nil if the system doesn't report one.
  package static var highest: Int? {
    var limits = rlimit()
    guard getrlimit(files, &limits) == 0 else { return nil }
    return Int(clamping: limits.rlim_max)
  }

  /// How many of these connections fit within the limit.
  package static func room(for connections: Int, within limit: Int, databaseConnections: Int) -> Int {
    max(1, min(connections, limit - others(databaseConnections)))
  }

  /// Raises the limit as far as needed and allowed.
  ///
  /// Logs a warning only if the operator configured the number of connections.
  ///
  /// - Returns: How many connections fit. The server needs spare descriptors even to reject a connection.
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
      "accepting fewer connections than \(ConnectionLimits.connectionsName): the open files limit (ulimit -n) is too low",
      metadata: ["connections": .stringConvertible(room), "files": .stringConvertible(limits.rlim_cur)])
    return room
  }

  private static func others(_ databaseConnections: Int) -> Int { reserve + 4 * databaseConnections }
}
