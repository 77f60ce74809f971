import CLibpq

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension LibpqSession {
  /// Sends a command and reads its results to the end.
  ///
  /// - Parameters:
  ///   - call: The limits; a cancelled call waits until its cancellation can't hit anything else.
  ///   - statement: What errors call the command.
  ///   - send: Hands the command to libpq; answers 0 if libpq refuses.
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

  /// Reads results until libpq has no more; the first error counts, otherwise the last result.
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
        // COPY and replication would have to be carried on with; this client does not speak them.
        finish()
        throw PostgresError(.invalidParameter, reason: "COPY is not supported")
      }
    }
    return outcome ?? .failure(PostgresError(.connectionLost, reason: "the server sent no result"))
  }

  /// Blocks until `PQgetResult` would not.
  private func awaitResult(_ handle: OpaquePointer, _ call: inout Call) throws(PostgresError) {
    while true {
      // A failed flush is not the end: the server may have said why before it hung up, and that is still to be read.
      let isFlushing = PQflush(handle) == 1
      if !isFlushing && PQisBusy(handle) == 0 { return }
      guard PQsocket(handle) >= 0 else { throw lost(handle) }
      guard try awaitSocket(handle, &call, writing: isFlushing) else { continue }
      if PQconsumeInput(handle) == 0 && PQisBusy(handle) == 1 { throw lost(handle) }
    }
  }

  /// After a cancellation: blocks until `PQcancel` has returned.
  ///
  /// Only then is it certain that the cancellation can't hit the connection's next query. Source: libpq's
  /// documentation of `PQcancel` leaves it open; the server's postmaster signals the backend before it closes the
  /// cancelling connection, and a backend that waits for a command ignores the signal.
  private func awaitCancelRequest(_ handle: OpaquePointer, _ call: inout Call) throws(PostgresError) {
    while let request = call.cancelRequest, !request.isFinished {
      _ = try awaitSocket(nil, &call, writing: false)
    }
  }

  /// Blocks until the socket is ready, a wake-up comes, or time is over.
  ///
  /// - Returns: Whether it is the socket that is ready.
  private func awaitSocket(
    _ handle: OpaquePointer?, _ call: inout Call, writing: Bool
  ) throws(PostgresError) -> Bool {
    cancelIfAsked(&call)
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
      cancelIfAsked(&call)
    }
    if ready == 0 || call.limit <= .now { throw abandon(call) }
    return descriptors.1.revents != 0
  }

  private func cancelIfAsked(_ call: inout Call) {
    guard call.isCancellable, !call.wasCancelled, signals.isCancelled(call: call.number), let handle else {
      return
    }
    call.cancel(with: CancelRequest.start(for: handle, waking: signals.pipe))
  }

  /// Gives the connection up, because nobody knows when it will be through with the call.
  private func abandon(_ call: Call) -> PostgresError {
    if !call.wasCancelled, let handle {
      // Spares the server the rest of the work, if it is still there to hear it. Nothing waits for it.
      _ = CancelRequest.start(for: handle, waking: signals.pipe)
    }
    finish()
    return call.wasCancelled
      ? PostgresError(.cancelled, reason: "the connection was given up")
      : PostgresError(.deadlineExceeded, reason: "no answer in time; the connection was given up")
  }

  private func lost(_ handle: OpaquePointer) -> PostgresError {
    PostgresError(
      .connectionLost, reason: "the connection broke", message: String(cString: PQerrorMessage(handle)))
  }

  /// Adds the statement's name, remembers what made a transaction fail, and closes a lost connection.
  private func note(_ error: PostgresError, statement: String) -> PostgresError {
    var error = error
    error.statement = statement
    if error.kind == .connectionLost { finish() }
    if transactionFailure == nil { transactionFailure = error }
    return error
  }
}
