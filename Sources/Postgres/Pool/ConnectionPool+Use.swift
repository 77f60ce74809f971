extension ConnectionPool {
  /// Leases a connection for the duration of `body`.
  ///
  /// If `body` leaves a transaction open, it is rolled back.
  ///
  /// - Parameter body: Must not keep the connection after it returns.
  /// - Returns: What `body` returned.
  /// - Throws: What `body` throws, or ``PostgresError`` if no connection was available.
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

  /// Runs `body` in a transaction on a leased connection and retries it if it conflicts with another
  /// transaction.
  ///
  /// Retries happen after a short random pause, on 40001, 40P01 and stale plans only: in all these cases
  /// nothing was committed. If the connection breaks before `BEGIN` succeeds, it is replaced once. An unknown
  /// outcome of `COMMIT` is never retried.
  ///
  /// - Parameters:
  ///   - options: Isolation level and access mode.
  ///   - maximumAttempts: The maximum number of times that `body` runs.
  ///   - body: Its effects outside the database must be safe to repeat.
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

  /// Pauses about 5 ms, doubling after each attempt up to about 250 ms.
  ///
  /// The jitter keeps transactions that collided from colliding again.
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
  /// Runs a health check on the server.
  ///
  /// The result is the connection's state afterwards, not the response: a cancelled check doesn't mean that
  /// the connection is dead.
  func isAliveWhenAsked(within deadline: Duration) async -> Bool {
    _ = try? await execute(Statement("health_check", "SELECT 1"), deadline: deadline)
    return isUsable && transactionStatus == .idle
  }
}
