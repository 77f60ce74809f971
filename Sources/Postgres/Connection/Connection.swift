public import Logging

/// One connection to PostgreSQL.
///
/// libpq blocks, so each connection is an actor with its own thread and never blocks the cooperative pool.
/// Calls run one at a time.
///
/// A connection that breaks, or whose server doesn't answer in time, is closed at once and never reopens.
/// ``ConnectionPool`` replaces it.
public actor Connection {
  private nonisolated let thread: ConnectionThread
  nonisolated let signals: ConnectionSignals
  private nonisolated let configuration: ConnectionConfiguration
  private var session: LibpqSession?
  /// Whether ``close()`` has retired the thread.
  private var isRetired = false

  /// The connection's own thread.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private init(thread: ConnectionThread, signals: ConnectionSignals, configuration: ConnectionConfiguration) {
    self.thread = thread
    self.signals = signals
    self.configuration = configuration
  }

  deinit {
    guard !isRetired else { return }
    let session = session
    thread.retire { session?.finish() }
  }

  /// Connects to the server.
  ///
  /// Task cancellation does not interrupt connecting. The configuration's connect timeout bounds it for each
  /// host.
  ///
  /// - Parameters:
  ///   - configuration: Where to connect to, and how.
  ///   - logger: Logs the new connection at debug level.
  /// - Returns: The open connection.
  /// - Throws: ``PostgresError`` of kind ``PostgresError/Kind/connectionFailed``.
  public static func connect(
    _ configuration: ConnectionConfiguration, logger: Logger
  ) async throws(PostgresError) -> Connection {
    guard let pipe = WakePipe() else {
      throw PostgresError(.connectionFailed, reason: "no file descriptors left")
    }
    guard let thread = ConnectionThread.start() else {
      throw PostgresError(.connectionFailed, reason: "no thread could be started")
    }
    let connection = Connection(
      thread: thread, signals: ConnectionSignals(pipe: pipe), configuration: configuration)
    try await connection.open()
    do {
      try await connection.assumeRole()
    } catch {
      await connection.close()
      throw error
    }
    logger.debug("connected to PostgreSQL")
    return connection
  }

  private func open() throws(PostgresError) {
    session = try LibpqSession.open(configuration, signals: signals)
  }

  /// Switches to the configuration's role, if the login is a member of it.
  ///
  /// Done by a statement, not a startup parameter: with the parameter, the server would reject the connection
  /// if the role is missing or the login isn't a member.
  private func assumeRole() throws(PostgresError) {
    guard let role = configuration.role, let session else { return }
    _ = try executeUninterrupted(session.assumeRoleSQL(role), name: "SET ROLE")
  }

  /// Whether a pooler sits between this client and PostgreSQL: the process id given at connect time is then
  /// not the session's.
  ///
  /// - Throws: ``PostgresError``.
  public func isPooled() throws(PostgresError) -> Bool {
    let session = try openSession(for: "pooler")
    return try executeUninterrupted(session.isOwnSession, name: "pooler").rows.isEmpty
  }

  /// Whether the connection is open, judged without asking the server.
  public nonisolated var isUsable: Bool { signals.isOpen }

  /// The transaction status that the server last reported.
  public nonisolated var transactionStatus: TransactionStatus { signals.transactionStatus }

  /// Executes one statement and returns all its rows.
  ///
  /// Cancelling the task cancels the statement on the server and returns promptly. The connection stays
  /// usable unless the server takes longer than about 2 s to react.
  ///
  /// - Parameters:
  ///   - statement: The statement.
  ///   - parameters: A value for each `$n`, in order.
  ///   - deadline: How long to wait for the response before closing the connection. The default is the
  ///     statement timeout plus 2 s, so that the server's own timeout normally fires first.
  /// - Returns: The rows and the command tag.
  /// - Throws: ``PostgresError``.
  public func execute(
    _ statement: Statement, _ parameters: [Parameter] = [], deadline: Duration? = nil
  ) async throws(PostgresError) -> QueryResult {
    let session = try openSession(for: statement.name)
    guard !statement.sql.hasNUL else {
      throw PostgresError(.invalidParameter, reason: "SQL contains a NUL byte", statement: statement.name)
    }
    let buffer: ParameterBuffer
    do {
      buffer = try ParameterBuffer(parameters)
    } catch {
      throw PostgresError(error.kind, reason: error.reason, statement: statement.name)
    }
    return try await cancellable(session, deadline: deadline, statement: statement.name) {
      (call: inout Call) throws(PostgresError) in try session.execute(statement, buffer, &call)
    }
  }

  /// Executes SQL that may contain several statements and discards the rows.
  ///
  /// For migrations and setup.
  ///
  /// The statements run in one transaction unless they control transactions themselves. The server's
  /// statement timeout applies to each one, and the script may change it.
  ///
  /// - Parameters:
  ///   - sql: The statements, without parameters.
  ///   - deadline: How long to wait for all of them before closing the connection.
  /// - Throws: ``PostgresError``.
  public func executeScript(_ sql: String, deadline: Duration = .seconds(600)) async throws(PostgresError) {
    let session = try openSession(for: "script")
    _ = try await cancellable(session, deadline: deadline, statement: "script") {
      (call: inout Call) throws(PostgresError) in try session.executeScript(sql, name: "script", &call)
    }
  }

  /// Closes the connection and ends its thread, after the call in progress.
  ///
  /// Calling it again does nothing.
  public func close() async {
    guard !isRetired else { return }
    isRetired = true
    session?.finish()
    thread.retire {}
  }

  /// Runs `body` on this thread and lets task cancellation reach it.
  private func cancellable(
    _ session: LibpqSession, deadline: Duration?, statement: String,
    _ body: (inout Call) throws(PostgresError) -> QueryResult
  ) async throws(PostgresError) -> QueryResult {
    guard !Task.isCancelled else {
      throw PostgresError(.cancelled, reason: "nothing was sent", statement: statement)
    }
    var call = makeCall(session, isCancellable: true, deadline: deadline)
    let number = call.number
    let result = await withTaskCancellationHandler {
      // Calling an isolated method keeps this closure on the connection's thread. A closure that doesn't
      // capture the actor would run, and block, on the cooperative pool.
      perform(&call, body)
    } onCancel: {
      signals.cancel(call: number)
    }
    return try result.get()
  }

  private func perform(
    _ call: inout Call, _ body: (inout Call) throws(PostgresError) -> QueryResult
  ) -> Result<QueryResult, PostgresError> {
    do {
      return .success(try body(&call))
    } catch {
      return .failure(error)
    }
  }

  /// Runs `BEGIN`, `COMMIT`, `ROLLBACK` or another command that task cancellation must not interrupt.
  func executeUninterrupted(_ sql: String, name: String) throws(PostgresError) -> QueryResult {
    let session = try openSession(for: name)
    var call = makeCall(session, isCancellable: false, deadline: nil)
    return try session.executeScript(sql, name: name, &call)
  }

  private func makeCall(_ session: LibpqSession, isCancellable: Bool, deadline: Duration?) -> Call {
    Call(
      number: session.nextCall(), isCancellable: isCancellable,
      deadline: deadline ?? configuration.statementTimeout + .seconds(2))
  }

  private func openSession(for statement: String) throws(PostgresError) -> LibpqSession {
    guard let session, session.handle != nil else {
      throw PostgresError(.connectionLost, reason: "the connection is closed", statement: statement)
    }
    return session
  }

  /// The error that failed the current or last transaction, or nil after ``forgetTransactionFailure()``.
  var transactionFailure: PostgresError? { session?.transactionFailure }

  func forgetTransactionFailure() {
    session?.transactionFailure = nil
  }

  /// The number of calls so far, `BEGIN` and `COMMIT` included: one round trip each once a statement is prepared.
  package var callCount: UInt64 { session?.lastCall ?? 0 }

  /// Closes the connection at once, from within a call.
  func discard() {
    session?.finish()
  }

  /// Whether nothing has arrived on the idle socket.
  ///
  /// Needs no round trip and no change of thread.
  nonisolated var isQuiet: Bool { signals.isQuiet }

  /// Reads pending input on an idle connection and closes it if the server is gone.
  ///
  /// Needs no round trip.
  ///
  /// Check this before reusing a connection that has been idle.
  ///
  /// - Returns: Whether the connection still looks usable.
  public func isAliveWhenIdle() -> Bool {
    session?.isAliveWhenIdle() ?? false
  }

  /// Runs `body` on the connection's own thread, where its calls need no change of thread.
  ///
  /// The thread runs nothing else until `body` returns or suspends.
  ///
  /// - Parameter body: Must block only on this connection.
  /// - Returns: What `body` returned.
  /// - Throws: What `body` throws.
  public func onItsThread<Value: Sendable>(
    _ body: @Sendable (isolated Connection) async throws -> Value
  ) async rethrows -> Value {
    try await body(self)
  }
}
