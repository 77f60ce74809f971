import CLibpq

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A `PGconn` and what is known about it.
///
/// Every method may block and must be called on the connection's own thread. `@unchecked Sendable` only so that
/// ``Connection`` can hand it to that thread when it is deinitialised.
final class LibpqSession: @unchecked Sendable {
  let configuration: ConnectionConfiguration
  let signals: ConnectionSignals
  var prepared = PreparedStatements()
  /// The error that made the current or last transaction fail, whatever the caller made of it.
  var transactionFailure: PostgresError?
  /// nil once closed or given up.
  private(set) var handle: OpaquePointer?
  private var lastCall: UInt64 = 0
  private let thread = pthread_self()

  private init(handle: OpaquePointer, configuration: ConnectionConfiguration, signals: ConnectionSignals) {
    self.handle = handle
    self.configuration = configuration
    self.signals = signals
  }

  deinit {
    finish()
  }

  /// Connects; blocks for up to the connect timeout for each host.
  static func open(
    _ configuration: ConnectionConfiguration, signals: ConnectionSignals
  ) throws(PostgresError) -> LibpqSession {
    let handle = configuration.withKeywordsAndValues { PQconnectdbParams($0, $1, 0) }
    guard let handle else {
      throw PostgresError(.connectionFailed, reason: "libpq is out of memory")
    }
    guard PQstatus(handle) == CONNECTION_OK, PQsetnonblocking(handle, 1) == 0 else {
      let message = String(cString: PQerrorMessage(handle))
      PQfinish(handle)
      throw PostgresError(.connectionFailed, reason: "no connection came about", message: message)
    }
    // By default libpq prints notices to standard error.
    PQsetNoticeProcessor(handle, { _, _ in }, nil)
    let session = LibpqSession(handle: handle, configuration: configuration, signals: signals)
    session.publishStatus()
    return session
  }

  /// Closes the connection and frees everything; harmless when done again.
  func finish() {
    guard let handle else { return }
    self.handle = nil
    publishStatus()
    PQfinish(handle)
  }

  /// Stops a debug build that would block a thread other than the connection's own.
  func assertOnOwnThread() {
    assert(pthread_equal(thread, pthread_self()) != 0, "libpq is used outside the connection's thread")
  }

  /// SQL that makes a role the session's.
  ///
  /// A pooler tells clients a process id of its own making, and hands its sessions from one client to the next: through
  /// it the statement changes nothing.
  func takingOn(_ role: String) -> String {
    let name = role.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
    return """
      SELECT pg_catalog.set_config('role', r.rolname, false) FROM pg_catalog.pg_roles AS r
      WHERE r.rolname = '\(name)' AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
        AND pg_catalog.pg_backend_pid() = \(processAtConnecting)
      """
  }

  /// The process id that the other end gave as its own, which a pooler makes up; 0 once closed.
  private var processAtConnecting: Int32 { handle.map { PQbackendPID($0) } ?? 0 }

  /// SQL whose answer has a row if this is PostgreSQL's own session, and none if a pooler lends it.
  var isOwnSession: String {
    "SELECT 1 WHERE pg_catalog.pg_backend_pid() = \(processAtConnecting)"
  }

  /// The next call's number, for ``ConnectionSignals/cancel(call:)``.
  func nextCall() -> UInt64 {
    lastCall += 1
    return lastCall
  }

  /// What the server last said about the transaction.
  var transactionStatus: TransactionStatus {
    guard let handle else { return .unknown }
    return switch PQtransactionStatus(handle) {
    case PQTRANS_IDLE: .idle
    case PQTRANS_INTRANS: .inTransaction
    case PQTRANS_INERROR: .failed
    default: .unknown
    }
  }

  /// Lets other threads see how the connection stands.
  func publishStatus() {
    signals.publish(status: transactionStatus, socket: handle.map(PQsocket) ?? -1)
  }

  /// Reads what has arrived on an idle connection without waiting; answers whether it is still alive.
  ///
  /// Parameter changes and notices may come at any time and are harmless; a good-bye is followed by the end of the
  /// stream, which shows only when the good-bye itself has been read, hence the loop.
  func isAliveWhenIdle() -> Bool {
    for _ in 0..<16 {
      guard let handle, PQstatus(handle) == CONNECTION_OK else { break }
      assertOnOwnThread()
      if signals.isQuiet { return true }
      guard PQconsumeInput(handle) == 1 else { break }
      _ = PQisBusy(handle)  // parses what was read
      while let notification = PQnotifies(handle) { PQfreemem(notification) }
    }
    finish()
    return false
  }
}
