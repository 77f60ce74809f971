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

/// The statements that one connection has prepared, and their names on the server.
///
/// Names are generated and never reused. So a statement with a stale plan can be prepared again under a new
/// name, and PostgreSQL's limit of 63 bytes for names doesn't matter.
///
/// Names also differ between connections: behind a pooler that shares sessions, a name used by two clients
/// could run the wrong statement.
struct PreparedStatements {
  struct Entry {
    let serverName: String
    /// The parameter types it was prepared with.
    let types: [UInt32]
  }

  /// Dynamic SQL must not fill the server's memory.
  ///
  /// Statements beyond this limit are not prepared.
  static let maximumCount = 256

  private let ownName = String(UInt64.random(in: .min ... .max), radix: 36)
  private var entries: [Statement: Entry] = [:]
  private var namesGiven = 0

  subscript(statement: Statement) -> Entry? { entries[statement] }

  var isFull: Bool { entries.count >= Self.maximumCount }

  /// A name that no session of the server has seen.
  mutating func freshName() -> String {
    namesGiven += 1
    return "s\(namesGiven)_\(ownName)"
  }

  mutating func insert(_ statement: Statement, _ entry: Entry) {
    entries[statement] = entry
  }

  /// Forgets a statement, so that the next execution prepares it again.
  mutating func remove(_ statement: Statement) {
    entries[statement] = nil
  }
}
