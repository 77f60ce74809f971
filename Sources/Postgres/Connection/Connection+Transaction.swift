/// How an attempt at a transaction ended.
enum TransactionAttempt<Value: Sendable>: Sendable {
  /// `COMMIT` was answered with `COMMIT`.
  case committed(Value)
  /// `BEGIN` failed: nothing was executed.
  case notBegun(PostgresError)
  /// It lost against another transaction, or met a stale plan, and was rolled back: running it again may help.
  case mayRetry(any Error)
  /// It failed otherwise.
  case failed(any Error)
}

extension Connection {
  /// Runs `body` inside a transaction: commits when it returns, rolls back when it throws.
  ///
  /// The connection must not be used by others meanwhile. Neither `COMMIT` nor `ROLLBACK` is interrupted by the
  /// task's cancellation; a task cancelled before `COMMIT` is rolled back.
  ///
  /// - Parameters:
  ///   - options: Isolation and access mode.
  ///   - body: What to do; it gets this connection.
  /// - Returns: What `body` returned, now committed.
  /// - Throws: What `body` throws, or ``PostgresError``: ``PostgresError/Kind/transactionRolledBack`` if `body`
  ///   swallowed a statement's error, so that nothing could be committed;
  ///   ``PostgresError/Kind/commitOutcomeUnknown`` if the connection broke during `COMMIT`.
  public func transaction<Value: Sendable>(
    _ options: TransactionOptions = TransactionOptions(),
    _ body: @Sendable (Connection) async throws -> Value
  ) async throws -> Value {
    switch await attemptTransaction(options, body) {
    case .committed(let value): return value
    case .notBegun(let error): throw error
    case .mayRetry(let error), .failed(let error): throw error
    }
  }

  /// Like ``transaction(_:_:)``, but tells apart what may be tried again.
  ///
  /// What made the transaction fail is remembered by the connection, so that a body may turn a serialisation
  /// failure into an error of its own, or swallow it, and is run again all the same.
  func attemptTransaction<Value: Sendable>(
    _ options: TransactionOptions, _ body: @Sendable (Connection) async throws -> Value
  ) async -> TransactionAttempt<Value> {
    do {
      try begin(options)
    } catch {
      return .notBegun(error)
    }
    do {
      let value = try await body(self)
      guard !Task.isCancelled else {
        throw PostgresError(.cancelled, reason: "rolled back", statement: "COMMIT")
      }
      try commit()
      return .committed(value)
    } catch {
      let mayRetry = failureMayBeTransient(error)
      rollBackOrDiscard()
      return mayRetry ? .mayRetry(error) : .failed(error)
    }
  }

  private func begin(_ options: TransactionOptions) throws(PostgresError) {
    guard !Task.isCancelled else {
      throw PostgresError(.cancelled, reason: "nothing was sent", statement: "BEGIN")
    }
    guard transactionStatus == .idle || !isUsable else {
      throw PostgresError(.invalidParameter, reason: "a transaction is open already", statement: "BEGIN")
    }
    forgetTransactionFailure()
    _ = try executeUninterrupted(options.beginStatement, name: "BEGIN")
  }

  private func commit() throws(PostgresError) {
    guard isUsable else {
      // The connection broke before COMMIT was sent, and with it the server ended the transaction.
      throw PostgresError(.connectionLost, reason: "rolled back: the connection was lost before COMMIT")
    }
    let tag: String
    do {
      tag = try executeUninterrupted("COMMIT", name: "COMMIT").commandTag
    } catch {
      switch error.kind {
      case .connectionLost, .deadlineExceeded, .cancelled:
        throw error.reclassified(as: .commitOutcomeUnknown, reason: "the connection broke during COMMIT")
      default: throw error
      }
    }
    guard tag == "COMMIT" else {
      throw PostgresError(
        .transactionRolledBack, reason: "a statement in the transaction had failed", statement: "COMMIT")
    }
  }

  /// Whether another attempt may succeed.
  ///
  /// An unknown outcome never counts: the first attempt may have committed.
  private func failureMayBeTransient(_ error: any Error) -> Bool {
    let own = error as? PostgresError
    if own?.kind == .commitOutcomeUnknown || own?.kind == .cancelled { return false }
    return [own, transactionFailure].contains { failure in
      failure?.isSerializationFailure == true || failure?.suggestsStalePlan == true
    }
  }

  /// Leaves no transaction open: rolls back, or else closes the connection, which makes the server do it.
  func rollBackOrDiscard() {
    guard isUsable, transactionStatus != .idle else { return }
    let isRolledBack = (try? executeUninterrupted("ROLLBACK", name: "ROLLBACK")) != nil
    if !isRolledBack || transactionStatus != .idle { discard() }
  }
}
