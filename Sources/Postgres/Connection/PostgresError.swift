/// What went wrong between this process and PostgreSQL.
///
/// ``description`` may be logged and shown anywhere: it never holds the server's own words, because they quote row
/// values. ``debugDescription`` holds everything and belongs in an internal log only.
public struct PostgresError: Error, Sendable, Equatable {
  /// The sorts of failure; each says what is known about whether anything was executed.
  public enum Kind: Sendable, Equatable {
    /// The connection string or a setting is unusable.
    case configuration
    /// No connection came about, so nothing was executed.
    case connectionFailed
    /// The connection broke; the outcome of what was in flight is unknown.
    case connectionLost
    /// The server answered with an error; ``PostgresError/sqlState`` says which. The statement had no effect.
    case server
    /// No connection became free within the pool's limit; nothing was executed.
    case poolExhausted
    /// The pool is closed or closing; nothing was executed.
    case poolClosed
    /// The server did not answer in time; the outcome of what was in flight is unknown.
    case deadlineExceeded
    /// The calling task was cancelled; outside a transaction the outcome of what was in flight is unknown.
    case cancelled
    /// `COMMIT` was answered with `ROLLBACK`, because a statement in the transaction had failed.
    case transactionRolledBack
    /// The connection broke during `COMMIT`, which may or may not have taken effect.
    case commitOutcomeUnknown
    /// A parameter or statement can't be sent; nothing was sent.
    case invalidParameter
    /// A cell can't be read as the type asked for.
    case decoding
  }

  /// What sort of failure it is.
  public let kind: Kind
  /// The server's code, where the server sent one.
  public let sqlState: SQLState?
  /// The name of the constraint that refused the row.
  public let constraint: String?
  /// The table the server names, or nil.
  public let table: String?
  /// The column the server names, or the one that could not be decoded.
  public let column: String?
  /// The name of the statement that failed.
  public internal(set) var statement: String?
  /// This client's own words about the failure; they never hold values of rows or parameters.
  public let reason: String?
  /// The server's or libpq's message, which may hold row values.
  public let message: String?
  /// The server's detail, which may hold row values.
  public let detail: String?
  /// The server's hint.
  public let hint: String?

  /// Makes an error; every part but the kind is optional.
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

  /// The same facts under another kind, for when the caller knows more about what the failure means.
  func reclassified(as kind: Kind, reason: String? = nil) -> PostgresError {
    PostgresError(
      kind, reason: reason ?? self.reason, sqlState: sqlState, constraint: constraint, table: table,
      column: column, statement: statement, message: message, detail: detail, hint: hint)
  }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
  /// Kind, SQLSTATE, names and this client's reason: no row values, so it is safe in any log.
  public var description: String {
    var text = "PostgresError(\(kind)"
    for (label, value) in safeFields {
      text += ", \(label): \(value)"
    }
    return text + ")"
  }

  /// Everything, the server's message, detail and hint included: for internal logs only.
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
