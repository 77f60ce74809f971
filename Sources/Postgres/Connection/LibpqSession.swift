import CLibpq

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A `PGconn` and its state.
///
/// Every method may block and must be called on the connection's own thread. It is `@unchecked Sendable` only
/// so that ``Connection`` can hand it to that thread in `deinit`.
final class LibpqSession: @unchecked Sendable {
  let configuration: ConnectionConfiguration
  let signals: ConnectionSignals
  var prepared = PreparedStatements()
  /// The error that failed the current or last transaction, even if the caller swallowed it.
  var transactionFailure: PostgresError?
  /// Nil once closed.
  private(set) var handle: OpaquePointer?
  private(set) var lastCall: UInt64 = 0
  private let thread = pthread_self()

  private init(handle: OpaquePointer, configuration: ConnectionConfiguration, signals: ConnectionSignals) {
    self.handle = handle
    self.configuration = configuration
    self.signals = signals
  }

  deinit {
    finish()
  }

  /// Connects.
  ///
  /// Blocks up to the connect timeout for each host.
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
      throw PostgresError(.connectionFailed, reason: "connecting failed", message: message)
    }
    // By default libpq prints notices to standard error.
    PQsetNoticeProcessor(handle, { _, _ in }, nil)
    let session = LibpqSession(handle: handle, configuration: configuration, signals: signals)
    session.publishStatus()
    return session
  }

  /// Closes the connection and frees everything.
  ///
  /// Calling it again does nothing.
  func finish() {
    guard let handle else { return }
    self.handle = nil
    publishStatus()
    PQfinish(handle)
  }

  /// Stops a debug build that uses libpq on any other thread than the connection's own.
  func assertOnOwnThread() {
    assert(pthread_equal(thread, pthread_self()) != 0, "libpq is used outside the connection's thread")
  }

  /// SQL that switches the session to a role.
  ///
  /// A pooler reports a made-up process id and shares its sessions between clients. Behind one, this
  /// statement changes nothing.
  func assumeRoleSQL(_ role: String) -> String {
    let name = role.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
    return """
      SELECT pg_catalog.set_config('role', r.rolname, false) FROM pg_catalog.pg_roles AS r
      WHERE r.rolname = '\(name)' AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
        AND pg_catalog.pg_backend_pid() = \(initialProcessID)
      """
  }

  /// The process id reported at connect time (made up, behind a pooler), or 0 once closed.
  private var initialProcessID: Int32 { handle.map { PQbackendPID($0) } ?? 0 }

  /// SQL that returns a row on PostgreSQL's own session, and no row behind a pooler.
  var isOwnSession: String {
    "SELECT 1 WHERE pg_catalog.pg_backend_pid() = \(initialProcessID)"
  }

  /// The next call's number, for ``ConnectionSignals/cancel(call:)``.
  func nextCall() -> UInt64 {
    lastCall += 1
    return lastCall
  }

  /// The transaction status that the server last reported.
  var transactionStatus: TransactionStatus {
    guard let handle else { return .unknown }
    return switch PQtransactionStatus(handle) {
    case PQTRANS_IDLE: .idle
    case PQTRANS_INTRANS: .inTransaction
    case PQTRANS_INERROR: .failed
    default: .unknown
    }
  }

  /// Publishes the connection's state to other threads.
  func publishStatus() {
    signals.publish(status: transactionStatus, socket: handle.map(PQsocket) ?? -1)
  }

  /// Reads pending input on an idle connection without waiting.
  ///
  /// Returns whether it is still alive.
  ///
  /// Parameter changes and notices may arrive at any time and are harmless. If the server closes the
  /// connection, it first sends an error. The end of the stream shows only after reading that, so this loops.
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
