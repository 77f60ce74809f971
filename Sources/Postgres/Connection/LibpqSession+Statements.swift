import CLibpq

extension LibpqSession {
  /// Executes a statement and prepares it first if needed.
  ///
  /// A statement with a stale plan is prepared again: at once outside a transaction, because the failed
  /// attempt had no effect. Inside one the transaction has failed, so the next transaction prepares it.
  func execute(
    _ statement: Statement, _ parameters: ParameterBuffer, _ call: inout Call
  ) throws(PostgresError) -> QueryResult {
    guard let serverName = try serverName(of: statement, parameters, &call) else {
      return try executeUnprepared(statement, parameters, &call)
    }
    do {
      return try executePrepared(serverName, statement, parameters, &call)
    } catch  where error.suggestsStalePlan {
      prepared.remove(statement)
      guard transactionStatus == .idle, !call.wasCancelled,
        let freshName = try self.serverName(of: statement, parameters, &call)
      else { throw error }
      return try executePrepared(freshName, statement, parameters, &call)
    }
  }

  /// Runs SQL through the simple query protocol, which allows several statements.
  func executeScript(_ sql: String, name: String, _ call: inout Call) throws(PostgresError) -> QueryResult {
    guard !sql.hasNUL else {
      throw PostgresError(.invalidParameter, reason: "SQL contains a NUL byte", statement: name)
    }
    return try exchange(&call, statement: name) { PQsendQuery($0, sql) }
  }

  /// The statement's name on the server.
  ///
  /// Prepares it if needed. Nil to execute it unprepared.
  private func serverName(
    of statement: Statement, _ parameters: ParameterBuffer, _ call: inout Call
  ) throws(PostgresError) -> String? {
    guard configuration.preparedStatements else { return nil }
    if let entry = prepared[statement] {
      // With other parameter types than prepared, the server would misread the values.
      return entry.types == parameters.types ? entry.serverName : nil
    }
    guard !prepared.isFull else { return nil }
    let serverName = prepared.freshName()
    _ = try exchange(&call, statement: statement.name) { handle in
      parameters.withPointers { PQsendPrepare(handle, serverName, statement.sql, $0.count, $0.types) }
    }
    prepared.insert(statement, PreparedStatements.Entry(serverName: serverName, types: parameters.types))
    return serverName
  }

  private func executePrepared(
    _ serverName: String, _ statement: Statement, _ parameters: ParameterBuffer, _ call: inout Call
  ) throws(PostgresError) -> QueryResult {
    try exchange(&call, statement: statement.name) { handle in
      parameters.withPointers {
        PQsendQueryPrepared(handle, serverName, $0.count, $0.values, $0.lengths, $0.formats, 1)
      }
    }
  }

  private func executeUnprepared(
    _ statement: Statement, _ parameters: ParameterBuffer, _ call: inout Call
  ) throws(PostgresError) -> QueryResult {
    try exchange(&call, statement: statement.name) { handle in
      parameters.withPointers {
        PQsendQueryParams(handle, statement.sql, $0.count, $0.types, $0.values, $0.lengths, $0.formats, 1)
      }
    }
  }
}
