import Logging
import Postgres

/// What kind of pooler sits between a client and PostgreSQL's sessions.
enum Pooling: Sendable, Hashable {
  /// None: the session belongs to the client.
  case none
  /// Session pooling: one session per client for as long as it is connected.
  case session
  /// Transaction pooling: a session for each transaction.
  case transaction(keepsPreparedStatements: Bool)
  /// Statement pooling: a session for each statement, so transactions are impossible.
  case statement

  /// Detects the pooler by observing which sessions serve which client.
  ///
  /// Takes a few round trips and three connections.
  ///
  /// There is no way to ask: a pooler's console needs another login. A session that another client has just
  /// used, or one that has changed, did not belong to this client. If all of the pooler's sessions are taken
  /// and the probe times out, the result is what its clients wait for.
  ///
  /// - Parameters:
  ///   - configuration: Where to connect.
  ///   - logger: Logs connections at debug level.
  /// - Throws: ``PostgresError`` if no statement gets a response.
  static func probe(_ configuration: ConnectionConfiguration, logger: Logger) async throws -> Pooling {
    try await withConnection(configuration, logger) { (first: Connection) -> Pooling in
      guard try await first.isPooled() else { return .none }
      // A statement has worked, so what fails now is the transaction.
      guard (try? await first.transaction { try await $0.serverProcess() }) != nil else { return .statement }
      // The pooler may have dropped the first connection after a failure, so each part uses new connections.
      guard try await movesBetweenTransactions(first, configuration, logger) else { return .session }
      return .transaction(keepsPreparedStatements: try await keepsPreparedStatements(configuration, logger))
    }
  }

  /// Whether a second client's transaction can take over the first client's session, or move it to another.
  private static func movesBetweenTransactions(
    _ first: Connection, _ configuration: ConnectionConfiguration, _ logger: Logger
  ) async throws -> Bool {
    try await withConnection(configuration, logger) { (second: Connection) -> Bool in
      for _ in 0..<rounds {
        let before = try await first.serverProcess()
        do {
          let (other, after) = try await processes(of: second, and: first)
          if other == before || after != before { return true }
        } catch  where isTimeout(error) {
          // The first client keeps the only session.
          return false
        }
      }
      return false
    }
  }

  /// The process that serves the second client's transaction, and the one that serves the first client at the
  /// same time.
  ///
  /// Nil if the first times out waiting for the only session.
  private static func processes(
    of second: Connection, and first: Connection
  ) async throws -> (second: Int32, first: Int32?) {
    try await second.transaction { (second: Connection) -> (Int32, Int32?) in
      let other = try await second.serverProcess()
      do {
        return (other, try await first.serverProcess())
      } catch  where isTimeout(error) {
        return (other, nil)
      }
    }
  }

  /// Whether two clients can each prepare a statement and use it in any session.
  private static func keepsPreparedStatements(
    _ configuration: ConnectionConfiguration, _ logger: Logger
  ) async throws -> Bool {
    let preparing = configuration.preparing
    return try await withConnection(preparing, logger) { (first: Connection) -> Bool in
      try await withConnection(preparing, logger) { (second: Connection) -> Bool in
        do {
          for _ in 0..<rounds { try await prepare(on: first, and: second) }
          return true
        } catch  where isTimeout(error) {
          return true
        } catch let error as PostgresError where error.kind == .server {
          return false
        }
      }
    }
  }

  private static func prepare(on first: Connection, and second: Connection) async throws {
    let (mine, other) = (
      Statement("pooler_first", "SELECT 1 AS first"), Statement("pooler_second", "SELECT 2 AS second")
    )
    _ = try await first.execute(mine)
    _ = try await second.execute(other)
    try await second.transaction { (second: Connection) -> Void in
      _ = try await second.execute(other)
      // In a transaction, where a missing statement is not prepared again.
      try await first.transaction { (first: Connection) -> Void in _ = try await first.execute(mine) }
    }
  }

  private static let rounds = 5

  private static func isTimeout(_ error: any Error) -> Bool {
    (error as? PostgresError)?.kind == .deadlineExceeded
      || (error as? PostgresError)?.sqlState == .queryCanceled
  }

  private static func withConnection<Value: Sendable>(
    _ configuration: ConnectionConfiguration, _ logger: Logger,
    _ body: (Connection) async throws -> Value
  ) async throws -> Value {
    let connection = try await Connection.connect(configuration, logger: logger)
    do {
      let value = try await body(connection)
      await connection.close()
      return value
    } catch {
      await connection.close()
      throw error
    }
  }
}

extension Connection {
  /// The server process that runs this statement.
  fileprivate func serverProcess() async throws -> Int32 {
    let result = try await execute(
      Statement("pooler_process", "SELECT pg_catalog.pg_backend_pid() AS process"), deadline: .seconds(2))
    guard let row = result.rows.first else { throw PostgresError(.decoding, reason: "no process id") }
    return try row.decode("process", as: Int32.self)
  }
}
