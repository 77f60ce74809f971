/// How one attempt at a transaction ended.
enum TransactionAttempt<Value: Sendable>: Sendable {
  /// The server confirmed `COMMIT`.
  case committed(Value)
  /// `BEGIN` failed, so nothing was executed.
  case notBegun(PostgresError)
  /// Rolled back after a serialisation failure, a deadlock or a stale plan. A retry may succeed.
  case mayRetry(any Error)
  /// Failed for a reason that a retry doesn't fix.
  case failed(any Error)
}

extension Connection {
  /// Runs `body` inside a transaction: commits when it returns, rolls back when it throws.
  ///
  /// No other caller may use the connection during the transaction. Task cancellation interrupts neither
  /// `COMMIT` nor `ROLLBACK`. A task cancelled before `COMMIT` is rolled back.
  ///
  /// - Parameters:
  ///   - readOnly: Whether the server rejects writes.
  ///   - body: Receives this connection.
  /// - Returns: What `body` returned, now committed.
  /// - Throws: What `body` throws, or ``PostgresError``: ``PostgresError/Kind/transactionRolledBack`` if
  ///   `body` swallowed a statement's error, so that nothing could be committed.
  ///   ``PostgresError/Kind/commitOutcomeUnknown`` if the connection broke during `COMMIT`.
  public func transaction<Value: Sendable>(
    readOnly: Bool = false, _ body: @Sendable (Connection) async throws -> Value
  ) async throws -> Value {
    switch await attemptTransaction(readOnly: readOnly, body) {
    case .committed(let value): return value
    case .notBegun(let error): throw error
    case .mayRetry(let error), .failed(let error): throw error
    }
  }

  /// Like ``transaction(readOnly:_:)``, but reports whether a retry may succeed.
  ///
  /// The connection remembers which error failed the transaction. A body may therefore map or swallow a
  /// serialisation failure and still be retried.
  func attemptTransaction<Value: Sendable>(
    readOnly: Bool, _ body: @Sendable (Connection) async throws -> Value
  ) async -> TransactionAttempt<Value> {
    do {
      try begin(readOnly: readOnly)
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

  /// Spells out isolation level and access mode, so that the server's defaults don't matter.
  private func begin(readOnly: Bool) throws(PostgresError) {
    guard !Task.isCancelled else {
      throw PostgresError(.cancelled, reason: "nothing was sent", statement: "BEGIN")
    }
    guard transactionStatus == .idle || !isUsable else {
      throw PostgresError(.invalidParameter, reason: "a transaction is already open", statement: "BEGIN")
    }
    forgetTransactionFailure()
    let mode = readOnly ? "READ ONLY" : "READ WRITE"
    _ = try executeUninterrupted("BEGIN ISOLATION LEVEL READ COMMITTED \(mode)", name: "BEGIN")
  }

  private func commit() throws(PostgresError) {
    guard isUsable else {
      // COMMIT was never sent, and the server rolls back when a connection breaks.
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

  /// Whether a retry may succeed.
  ///
  /// Never after an unknown outcome: the first attempt may have committed.
  private func failureMayBeTransient(_ error: any Error) -> Bool {
    let own = error as? PostgresError
    if own?.kind == .commitOutcomeUnknown || own?.kind == .cancelled { return false }
    return [own, transactionFailure].contains { failure in
      failure?.isSerializationFailure == true || failure?.suggestsStalePlan == true
    }
  }

  /// Rolls back the open transaction.
  ///
  /// If that fails, closes the connection, and the server rolls back.
  func rollBackOrDiscard() {
    guard isUsable, transactionStatus != .idle else { return }
    let isRolledBack = (try? executeUninterrupted("ROLLBACK", name: "ROLLBACK")) != nil
    if !isRolledBack || transactionStatus != .idle { discard() }
  }
}

/// The transaction status that the server last reported.
public enum TransactionStatus: UInt8, Sendable, Hashable {
  /// No transaction is open.
  case idle
  /// A transaction is open and healthy.
  case inTransaction
  /// A transaction is open and has failed. The server accepts only a rollback.
  case failed
  /// The connection is closed, broken or busy.
  case unknown
}
