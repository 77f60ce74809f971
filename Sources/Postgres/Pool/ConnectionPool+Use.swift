extension ConnectionPool {
  /// Leases a connection for the duration of `body`.
  ///
  /// An open transaction that `body` leaves behind is rolled back.
  ///
  /// - Parameter body: What to do; the connection must not be used after it returned.
  /// - Returns: What `body` returned.
  /// - Throws: What `body` throws, or ``PostgresError`` if no connection was to be had.
  public nonisolated(nonsending) func withConnection<Value: Sendable>(
    _ body: (Connection) async throws -> Value
  ) async throws -> Value {
    let lease = try await lease()
    do {
      let value = try await body(lease.connection)
      await release(lease)
      return value
    } catch {
      await release(lease)
      throw error
    }
  }

  /// Runs `body` in a transaction on a leased connection, again from the beginning if it lost against another.
  ///
  /// It is run again, after a short random pause, on 40001 and 40P01 only, and at once where a prepared statement's
  /// plan went stale: in both cases nothing was committed. A connection that broke before `BEGIN` was answered is
  /// replaced once. An unknown outcome of `COMMIT` is never tried again.
  ///
  /// - Parameters:
  ///   - options: Isolation and access mode.
  ///   - maximumAttempts: How often `body` is run at most.
  ///   - body: What to do. Its effects outside the database must bear being repeated.
  /// - Returns: What the committed attempt of `body` returned.
  /// - Throws: What the last attempt of `body` threw, or ``PostgresError`` as in
  ///   ``Connection/transaction(_:_:)``.
  public func withTransaction<Value: Sendable>(
    _ options: TransactionOptions = TransactionOptions(), maximumAttempts: Int = 4,
    _ body: @Sendable (Connection) async throws -> Value
  ) async throws -> Value {
    var attempts = 0
    var mayReplaceConnection = true
    while true {
      let attempt = try await withConnection { await $0.attemptTransaction(options, body) }
      switch attempt {
      case .committed(let value): return value
      case .failed(let error): throw error
      case .notBegun(let error):
        guard error.kind == .connectionLost, mayReplaceConnection else { throw error }
        mayReplaceConnection = false
      case .mayRetry(let error):
        attempts += 1
        guard attempts < maximumAttempts else { throw error }
        try await Self.pause(after: attempts)
      }
    }
  }

  /// Pauses for about 5 ms, twice that after each further attempt, at most about 250 ms: at random, so that
  /// transactions that collided do not do so again.
  private static func pause(after attempts: Int) async throws(PostgresError) {
    let milliseconds = min(5 << min(attempts - 1, 6), 250)
    do {
      try await Task.sleep(for: .milliseconds(milliseconds) * Double.random(in: 0.5...1.5))
    } catch {
      throw PostgresError(.cancelled, reason: "between two attempts at a transaction")
    }
  }
}

extension Connection {
  /// Asks the server for a sign of life.
  ///
  /// What counts is the connection afterwards, not the answer: a check that is cancelled says nothing against it.
  func isAliveWhenAsked(within deadline: Duration) async -> Bool {
    _ = try? await execute(Statement("health_check", "SELECT 1"), deadline: deadline)
    return isUsable && transactionStatus == .idle
  }
}
