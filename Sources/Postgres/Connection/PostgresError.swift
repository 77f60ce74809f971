/// A failure in talking to PostgreSQL.
///
/// ``description`` is safe in any log or response: it never contains the server's messages, because they
/// quote row values. ``debugDescription`` contains everything and belongs in internal logs only.
public struct PostgresError: Error, Sendable, Equatable {
  /// The kinds of failure.
  ///
  /// Each says whether anything was executed, as far as the client knows.
  public enum Kind: Sendable, Equatable {
    /// The connection string or a setting is unusable.
    case configuration
    /// No connection could be opened, so nothing was executed.
    case connectionFailed
    /// The connection broke. The outcome of a statement in flight is unknown.
    case connectionLost
    /// The server returned an error, see ``PostgresError/sqlState``. The statement had no effect.
    case server
    /// No connection became free within the pool's wait limit. Nothing was executed.
    case poolExhausted
    /// The pool is closed or closing. Nothing was executed.
    case poolClosed
    /// The server did not respond in time. The outcome of a statement in flight is unknown.
    case deadlineExceeded
    /// The calling task was cancelled. Outside a transaction, the outcome of a statement in flight is
    /// unknown.
    case cancelled
    /// The server answered `COMMIT` with `ROLLBACK`, because a statement in the transaction had failed.
    case transactionRolledBack
    /// The connection broke during `COMMIT`, which may or may not have taken effect.
    case commitOutcomeUnknown
    /// A parameter or statement can't be encoded. Nothing was sent.
    case invalidParameter
    /// A cell can't be decoded as the requested type.
    case decoding
  }

  /// The kind of failure.
  public let kind: Kind
  /// The SQLSTATE, if the server sent one.
  public let sqlState: SQLState?
  /// The name of the violated constraint.
  public let constraint: String?
  /// The table the server names, or nil.
  public let table: String?
  /// The column that the server names, or the one that could not be decoded.
  public let column: String?
  /// The name of the statement that failed.
  public internal(set) var statement: String?
  /// This client's own explanation.
  ///
  /// Never contains values of rows or parameters.
  public let reason: String?
  /// The message from the server or libpq.
  ///
  /// May contain row values.
  public let message: String?
  /// The server's detail.
  ///
  /// May contain row values.
  public let detail: String?
  /// The server's hint.
  public let hint: String?

  /// Creates an error.
  ///
  /// Only the kind is required.
  public init(
    _ kind: Kind, reason: String? = nil, sqlState: SQLState? = nil, constraint: String? = nil,
    table: String? = nil, column: String? = nil, statement: String? = nil, message: String? = nil,
    detail: String? = nil, hint: String? = nil
  ) {
    self.kind = kind
    self.sqlState = sqlState
    self.constraint = constraint
    self.table = table
    self.column = column
    self.statement = statement
    self.reason = reason
    self.message = message
    self.detail = detail
    self.hint = hint
  }

  /// The same error with another kind, for callers that know more about what the failure means.
  func reclassified(as kind: Kind, reason: String? = nil) -> PostgresError {
    PostgresError(
      kind, reason: reason ?? self.reason, sqlState: sqlState, constraint: constraint, table: table,
      column: column, statement: statement, message: message, detail: detail, hint: hint)
  }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
  /// The kind, SQLSTATE, names and reason.
  ///
  /// Contains no row values, so it is safe in any log.
  public var description: String {
    var text = "PostgresError(\(kind)"
    for (label, value) in safeFields {
      text += ", \(label): \(value)"
    }
    return text + ")"
  }

  /// Everything, including the server's message, detail and hint.
  ///
  /// For internal logs only.
  public var debugDescription: String {
    var text = "PostgresError(\(kind)"
    let confidential = [("message", message), ("detail", detail), ("hint", hint)]
    for (label, value) in safeFields + confidential.compactMap({ label, value in value.map { (label, $0) } })
    {
      text += ", \(label): \(value)"
    }
    return text + ")"
  }

  private var safeFields: [(String, String)] {
    [
      ("sqlState", sqlState?.rawValue), ("constraint", constraint), ("table", table), ("column", column),
      ("statement", statement), ("reason", reason),
    ].compactMap { label, value in value.map { (label, $0) } }
  }
}

extension PostgresError {
  /// Whether the database is unavailable, as opposed to having rejected the statement.
  ///
  /// Callers answer "unavailable, try again later". Something may still have been executed:
  /// ``Kind/connectionLost`` and ``Kind/deadlineExceeded`` leave that open. ``Kind/commitOutcomeUnknown`` is
  /// excluded, because a blind retry could do the work twice.
  public var isUnavailable: Bool {
    switch kind {
    case .connectionFailed, .connectionLost, .poolExhausted, .poolClosed, .deadlineExceeded: true
    case .server: sqlState.map(Self.meansUnavailable) ?? false
    case .configuration, .cancelled, .transactionRolledBack, .commitOutcomeUnknown: false
    case .invalidParameter, .decoding: false
    }
  }

  /// Whether the transaction hit a serialisation failure or deadlock (40001, 40P01) and may be retried from
  /// its start.
  public var isSerializationFailure: Bool {
    sqlState == .serializationFailure || sqlState == .deadlockDetected
  }

  /// Whether the plan of a prepared statement may be stale.
  ///
  /// 0A000 means "cached plan must not change result type" but also truly unsupported features. So this
  /// justifies preparing again once, not more.
  var suggestsStalePlan: Bool {
    kind == .server && (sqlState == .featureNotSupported || sqlState == .invalidStatementName)
  }

  /// Codes for a server that lacks resources, is shutting down or is no longer primary.
  ///
  /// Also 26000, a missing prepared statement: after preparing again it can only come from a pooler that
  /// switches sessions, and nothing was executed.
  private static func meansUnavailable(_ state: SQLState) -> Bool {
    switch state.conditionClass {
    case "08", "53", "58": true  // connection, insufficient resources, system error
    default: unavailableStates.contains(state)
    }
  }

  private static let unavailableStates: Set<SQLState> = [
    .adminShutdown, .crashShutdown, .cannotConnectNow, .queryCanceled, .readOnlyTransaction,
    .lockNotAvailable, .invalidStatementName,
  ]
}
