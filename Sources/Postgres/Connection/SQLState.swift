/// A five-character SQLSTATE, which is what errors are matched on: never their text.
///
/// Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
public struct SQLState: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
  /// The five characters.
  public let rawValue: String

  /// Wraps a code; it is not checked against the list of known ones.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// The five characters.
  public var description: String { rawValue }

  /// The first two characters: the class of the condition.
  public var conditionClass: Substring { rawValue.prefix(2) }

  /// 0A000: among other things "cached plan must not change result type".
  public static let featureNotSupported = SQLState(rawValue: "0A000")
  /// 22003: a number does not fit its type.
  public static let numericValueOutOfRange = SQLState(rawValue: "22003")
  /// 23502: NULL in a NOT NULL column.
  public static let notNullViolation = SQLState(rawValue: "23502")
  /// 23503: a foreign key has no row to point to.
  public static let foreignKeyViolation = SQLState(rawValue: "23503")
  /// 23505: a unique constraint or index already holds the value.
  public static let uniqueViolation = SQLState(rawValue: "23505")
  /// 23514: a CHECK constraint refused the row.
  public static let checkViolation = SQLState(rawValue: "23514")
  /// 23P01: an EXCLUDE constraint refused the row.
  public static let exclusionViolation = SQLState(rawValue: "23P01")
  /// 25006: a write on a read-only transaction or on a standby.
  public static let readOnlyTransaction = SQLState(rawValue: "25006")
  /// 25P02: the transaction had failed already.
  public static let inFailedTransaction = SQLState(rawValue: "25P02")
  /// 26000: no prepared statement has that name.
  public static let invalidStatementName = SQLState(rawValue: "26000")
  /// 28P01: wrong password.
  public static let invalidPassword = SQLState(rawValue: "28P01")
  /// 40001: the transaction could not be serialised; it may be run again.
  public static let serializationFailure = SQLState(rawValue: "40001")
  /// 40P01: the transaction was chosen to break a deadlock; it may be run again.
  public static let deadlockDetected = SQLState(rawValue: "40P01")
  /// 42501: the role lacks a privilege, or row-level security refused the row.
  public static let insufficientPrivilege = SQLState(rawValue: "42501")
  /// 42601: a syntax error.
  public static let syntaxError = SQLState(rawValue: "42601")
  /// 42703: no column has that name.
  public static let undefinedColumn = SQLState(rawValue: "42703")
  /// 42710: an object of some other kind has that name already.
  public static let duplicateObject = SQLState(rawValue: "42710")
  /// 42883: no function has that name and those argument types.
  public static let undefinedFunction = SQLState(rawValue: "42883")
  /// 42P01: no table has that name.
  public static let undefinedTable = SQLState(rawValue: "42P01")
  /// 42P06: a schema has that name already.
  public static let duplicateSchema = SQLState(rawValue: "42P06")
  /// 42P07: a table has that name already.
  public static let duplicateTable = SQLState(rawValue: "42P07")
  /// 53300: the server has no connection slot left.
  public static let tooManyConnections = SQLState(rawValue: "53300")
  /// 55P03: a lock was not to be had at once, or within `lock_timeout`.
  public static let lockNotAvailable = SQLState(rawValue: "55P03")
  /// 57014: cancelled by request or by `statement_timeout`.
  public static let queryCanceled = SQLState(rawValue: "57014")
  /// 57P01: the backend was told to terminate.
  public static let adminShutdown = SQLState(rawValue: "57P01")
  /// 57P02: another backend crashed and the server restarts.
  public static let crashShutdown = SQLState(rawValue: "57P02")
  /// 57P03: the server is starting up or shutting down.
  public static let cannotConnectNow = SQLState(rawValue: "57P03")
  /// P0001: a PL/pgSQL `RAISE EXCEPTION` without a code of its own.
  public static let raiseException = SQLState(rawValue: "P0001")
}
