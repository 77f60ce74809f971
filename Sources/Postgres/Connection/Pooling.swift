public import Logging

/// What stands between a client and PostgreSQL's own sessions.
public enum Pooling: Sendable, Hashable {
  /// Nothing: the session is the client's own.
  case none
  /// A pooler that gives a client one session for as long as it stays.
  case session
  /// A pooler that gives a client a session for each transaction.
  case transaction(keepsPreparedStatements: Bool)
  /// A pooler that gives a client a session for each statement, and so allows no transaction.
  case statement

  /// Finds out by what happens to sessions; takes a few round trips and three connections.
  ///
  /// Nobody can be asked: a pooler's own console takes another login. What is sure is that a session which another client
  /// has just used, or one that is not the same any more, was not the client's own. A pooler whose sessions are all in
  /// others' hands, so that the probe waits in vain, is taken for what its clients wait for.
  ///
  /// - Parameters:
  ///   - configuration: where to connect to.
  ///   - logger: hears of connections, at debug level.
  /// - Throws: ``PostgresError`` where no statement is answered.
  public static func probe(_ configuration: ConnectionConfiguration, logger: Logger) async throws -> Pooling {
    try await withConnection(configuration, logger) { (first: Connection) -> Pooling in
      guard try await first.isPooled() else { return .none }
      // It answered a statement, so that what fails now is the transaction.
      guard (try? await first.transaction { try await $0.serverProcess() }) != nil else { return .statement }
      // The first was perhaps let go by the pooler's clearing up after a failure; each part has connections of its own.
      guard try await movesBetweenTransactions(first, configuration, logger) else { return .session }
      return .transaction(keepsPreparedStatements: try await keepsPreparedStatements(configuration, logger))
    }
  }

  /// Whether a second client, holding a transaction, gets at the session that the first one used, or makes it get another.
  private static func movesBetweenTransactions(
    _ first: Connection, _ configuration: ConnectionConfiguration, _ logger: Logger
  ) async throws -> Bool {
    try await withConnection(configuration, logger) { (second: Connection) -> Bool in
      for _ in 0..<rounds {
        let before = try await first.serverProcess()
        do {
          let (other, after) = try await processes(of: second, and: first)
          if other == before || after != before { return true }
        } catch  where isWaitInVain(error) {
          // The first client keeps the only session there is.
          return false
        }
      }
      return false
    }
  }

  /// Who serves a client in a transaction of its own, and who another one meanwhile; nil where the other waits in vain for
  /// the only session there is.
  private static func processes(
    of second: Connection, and first: Connection
  ) async throws -> (second: Int32, first: Int32?) {
    try await second.transaction { (second: Connection) -> (Int32, Int32?) in
      let other = try await second.serverProcess()
      do {
        return (other, try await first.serverProcess())
      } catch  where isWaitInVain(error) {
        return (other, nil)
      }
    }
  }

  /// Whether two clients can each prepare a statement and use it in whichever session.
  private static func keepsPreparedStatements(
    _ configuration: ConnectionConfiguration, _ logger: Logger
  ) async throws -> Bool {
    let preparing = configuration.preparing
    return try await withConnection(preparing, logger) { (first: Connection) -> Bool in
      try await withConnection(preparing, logger) { (second: Connection) -> Bool in
        do {
          for _ in 0..<rounds { try await prepare(on: first, and: second) }
          return true
        } catch  where isWaitInVain(error) {
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
      // In a transaction, where a statement that isn't there is not prepared anew.
      try await first.transaction { (first: Connection) -> Void in _ = try await first.execute(mine) }
    }
  }

  private static let rounds = 5

  private static func isWaitInVain(_ error: any Error) -> Bool {
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
  /// The process that serves this statement.
  fileprivate func serverProcess() async throws -> Int32 {
    let result = try await execute(
      Statement("pooler_process", "SELECT pg_catalog.pg_backend_pid() AS process"), deadline: .seconds(2))
    guard let row = result.rows.first else { throw PostgresError(.decoding, reason: "no process id") }
    return try row.decode("process", as: Int32.self)
  }
}
