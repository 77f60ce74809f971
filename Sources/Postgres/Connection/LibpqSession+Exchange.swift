import CLibpq

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension LibpqSession {
  /// Sends a command and reads all its results.
  ///
  /// - Parameters:
  ///   - call: The limits. A cancelled call waits until its cancellation can't hit a later query.
  ///   - statement: The command's name in errors.
  ///   - send: Hands the command to libpq. Returns 0 if libpq rejects it.
  /// - Returns: The last result.
  /// - Throws: ``PostgresError``. After ``PostgresError/Kind/connectionLost`` and
  ///   ``PostgresError/Kind/deadlineExceeded`` the connection is closed.
  func exchange(
    _ call: inout Call, statement: String, send: (OpaquePointer) -> Int32
  ) throws(PostgresError) -> QueryResult {
    assertOnOwnThread()
    guard let handle else {
      throw PostgresError(.connectionLost, reason: "the connection is closed", statement: statement)
    }
    defer { publishStatus() }
    do throws(PostgresError) {
      guard send(handle) == 1 else { throw lost(handle) }
      let result = try readResults(handle, &call)
      try awaitCancelRequest(handle, &call)
      return try result.get()
    } catch {
      throw note(error, statement: statement)
    }
  }

  /// Reads results until libpq has no more.
  ///
  /// Returns the first error, or else the last result.
  private func readResults(
    _ handle: OpaquePointer, _ call: inout Call
  ) throws(PostgresError) -> Result<QueryResult, PostgresError> {
    var outcome: Result<QueryResult, PostgresError>?
    while true {
      try awaitResult(handle, &call)
      guard let result = PQgetResult(handle) else { break }
      defer { PQclear(result) }
      switch PQresultStatus(result) {
      case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
        if case .failure = outcome { break }
        outcome = .success(QueryResult(copying: result))
      case PGRES_FATAL_ERROR:
        if case .failure = outcome { break }
        outcome = .failure(PostgresError(result: result, handle: handle, wasCancelled: call.wasCancelled))
      default:
        // COPY and replication need further exchanges, which this client doesn't implement.
        finish()
        throw PostgresError(.invalidParameter, reason: "COPY is not supported")
      }
    }
    return outcome ?? .failure(PostgresError(.connectionLost, reason: "the server sent no result"))
  }

  /// Blocks until `PQgetResult` no longer would.
  private func awaitResult(_ handle: OpaquePointer, _ call: inout Call) throws(PostgresError) {
    while true {
      // After a failed flush, keep reading: the server may have sent an error before it closed the
      // connection.
      let isFlushing = PQflush(handle) == 1
      if !isFlushing && PQisBusy(handle) == 0 { return }
      guard PQsocket(handle) >= 0 else { throw lost(handle) }
      guard try awaitSocket(handle, &call, writing: isFlushing) else { continue }
      if PQconsumeInput(handle) == 0 && PQisBusy(handle) == 1 { throw lost(handle) }
    }
  }

  /// After a cancellation: blocks until `PQcancel` has returned.
  ///
  /// Only then can the cancellation no longer hit the connection's next query. libpq's documentation leaves
  /// this open. The postmaster signals the backend before it closes the cancelling connection, and an idle
  /// backend ignores the signal.
  private func awaitCancelRequest(_ handle: OpaquePointer, _ call: inout Call) throws(PostgresError) {
    while let request = call.cancelRequest, !request.isFinished {
      _ = try awaitSocket(nil, &call, writing: false)
    }
  }

  /// Blocks until the socket is ready, a wake-up arrives or the deadline passes.
  ///
  /// - Returns: Whether the socket is ready.
  private func awaitSocket(
    _ handle: OpaquePointer?, _ call: inout Call, writing: Bool
  ) throws(PostgresError) -> Bool {
    cancelIfRequested(&call)
    var descriptors = (
      pollfd(fd: signals.pipe.readDescriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: handle.map(PQsocket) ?? -1, events: Int16(writing ? POLLIN | POLLOUT : POLLIN), revents: 0)
    )
    let ready = withUnsafeMutableBytes(of: &descriptors) { bytes in
      bytes.withMemoryRebound(to: pollfd.self) { pair in
        pair.baseAddress.map { systemPoll($0, pair.count, call.millisecondsLeft) } ?? 0
      }
    }
    if descriptors.0.revents != 0 {
      signals.pipe.drain()
      cancelIfRequested(&call)
    }
    if ready == 0 || call.limit <= .now { throw abandon(call) }
    return descriptors.1.revents != 0
  }

  private func cancelIfRequested(_ call: inout Call) {
    guard call.isCancellable, !call.wasCancelled, signals.isCancelled(call: call.number), let handle else {
      return
    }
    call.cancel(with: CancelRequest.start(for: handle, waking: signals.pipe))
  }

  /// Closes the connection, because the call may never finish.
  private func abandon(_ call: Call) -> PostgresError {
    if !call.wasCancelled, let handle {
      // Tries to stop the work on the server, without waiting for the result.
      _ = CancelRequest.start(for: handle, waking: signals.pipe)
    }
    finish()
    return call.wasCancelled
      ? PostgresError(.cancelled, reason: "the connection was closed")
      : PostgresError(.deadlineExceeded, reason: "no response in time, so the connection was closed")
  }

  private func lost(_ handle: OpaquePointer) -> PostgresError {
    PostgresError(
      .connectionLost, reason: "the connection broke", message: String(cString: PQerrorMessage(handle)))
  }

  /// Adds the statement's name, records what failed the transaction, and closes a lost connection.
  private func note(_ error: PostgresError, statement: String) -> PostgresError {
    var error = error
    error.statement = statement
    if error.kind == .connectionLost { finish() }
    if transactionFailure == nil { transactionFailure = error }
    return error
  }
}
