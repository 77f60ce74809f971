public import Logging

/// One connection to PostgreSQL.
///
/// An actor on a thread of its own, because libpq blocks: the cooperative pool never does. Calls are carried out one
/// after the other. A connection that broke, or whose server did not answer in time, is closed at once and stays so;
/// ``ConnectionPool`` replaces it.
public actor Connection {
  private nonisolated let thread: ConnectionThread
  nonisolated let signals: ConnectionSignals
  private nonisolated let configuration: ConnectionConfiguration
  private var session: LibpqSession?
  /// Whether the thread has been told to end.
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
  /// Cancelling the task does not interrupt it; the configuration's connect timeout bounds it for each host.
  ///
  /// - Parameters:
  ///   - configuration: Where to connect to, and how.
  ///   - logger: Hears of the connection's coming about, at debug level.
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
      try await connection.takeOnRole()
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

  /// Becomes the configuration's role, where the login may.
  ///
  /// Asked of the server rather than put into the start-up parameters, where a role that is missing, or not the
  /// login's to take, would refuse the connection.
  private func takeOnRole() throws(PostgresError) {
    guard let role = configuration.role, let session else { return }
    _ = try executeUninterrupted(session.takingOn(role), name: "SET ROLE")
  }

  /// Whether a pooler stands before PostgreSQL, as can be told by the process id that it gives for the session's.
  ///
  /// - Throws: ``PostgresError``.
  public func isPooled() throws(PostgresError) -> Bool {
    let session = try openSession(for: "pooler")
    return try executeUninterrupted(session.isOwnSession, name: "pooler").rows.isEmpty
  }

  /// Whether the connection is open, as far as is known without asking the server.
  public nonisolated var isUsable: Bool { signals.isOpen }

  /// What the server last said about the transaction.
  public nonisolated var transactionStatus: TransactionStatus { signals.transactionStatus }

  /// Executes one statement and returns all its rows.
  ///
  /// Cancelling the task cancels the statement on the server and returns promptly; the connection stays usable
  /// unless the server does not react within about 2 s.
  ///
  /// - Parameters:
  ///   - statement: The statement.
  ///   - parameters: A value for each `$n`, in order.
  ///   - deadline: How long to wait for the answer before the connection is given up; by default the statement
  ///     timeout plus 2 s, so that a server in order has the first word.
  /// - Returns: The rows and the command tag.
  /// - Throws: ``PostgresError``.
  public func execute(
    _ statement: Statement, _ parameters: [Parameter] = [], deadline: Duration? = nil
  ) async throws(PostgresError) -> QueryResult {
    let session = try openSession(for: statement.name)
    guard !statement.sql.holdsNUL else {
      throw PostgresError(.invalidParameter, reason: "SQL holds a NUL byte", statement: statement.name)
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

  /// Executes SQL that may hold several statements, and discards the rows; for migrations and set-up.
  ///
  /// The statements run in one transaction unless they say otherwise. Each is subject to the server's statement
  /// timeout, which the script may change.
  ///
  /// - Parameters:
  ///   - sql: The statements, without parameters.
  ///   - deadline: How long to wait for all of them before the connection is given up.
  /// - Throws: ``PostgresError``.
  public func executeScript(_ sql: String, deadline: Duration = .seconds(600)) async throws(PostgresError) {
    let session = try openSession(for: "script")
    _ = try await cancellable(session, deadline: deadline, statement: "script") {
      (call: inout Call) throws(PostgresError) in try session.executeScript(sql, name: "script", &call)
    }
  }

  /// Closes the connection and ends its thread; harmless when called again.
  ///
  /// A call in progress is waited for.
  public func close() async {
    guard !isRetired else { return }
    isRetired = true
    session?.finish()
    thread.retire {}
  }

  /// Runs `body` on this thread so that the task's cancellation reaches it.
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
      // The call of an isolated method is what keeps this closure on the connection's thread: a closure that does
      // not capture the actor would run, and block, on the cooperative pool.
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

  /// Runs a command of the transaction's frame, which the task's cancellation must not interrupt.
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

  /// The error that made the current or last transaction fail; nil after ``forgetTransactionFailure()``.
  var transactionFailure: PostgresError? { session?.transactionFailure }

  func forgetTransactionFailure() {
    session?.transactionFailure = nil
  }

  /// Closes the connection without waiting for anybody else's turn.
  func discard() {
    session?.finish()
  }

  /// Whether nothing speaks against handing the connection out, seen without a round trip or a change of thread.
  nonisolated var isQuiet: Bool { signals.isQuiet }

  /// Looks at what has arrived on an idle connection; closes it if the server is gone.
  ///
  /// Without a round trip. Ask before a connection that was held for a while is used again.
  ///
  /// - Returns: Whether nothing speaks against using the connection.
  public func isAliveWhenIdle() -> Bool {
    session?.isAliveWhenIdle() ?? false
  }

  /// Runs `body` on the connection's own thread, where its calls need no change of thread.
  ///
  /// The thread serves nobody else meanwhile, except where `body` waits.
  ///
  /// - Parameter body: What to do; it must not block for anything but this connection.
  /// - Returns: What `body` returned.
  /// - Throws: What `body` throws.
  public func onItsThread<Value: Sendable>(
    _ body: @Sendable (isolated Connection) async throws -> Value
  ) async rethrows -> Value {
    try await body(self)
  }
}
