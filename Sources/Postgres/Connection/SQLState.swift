/// A five-character SQLSTATE.
///
/// Match errors on it, never on their text.
///
/// Source: PostgreSQL 15, appendix A, "PostgreSQL Error Codes".
public struct SQLState: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
  /// The five characters.
  public let rawValue: String

  /// Wraps a code without checking it against the known ones.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// The five characters.
  public var description: String { rawValue }

  /// The class of the condition: the first two characters.
  public var conditionClass: Substring { rawValue.prefix(2) }

  /// 0A000: among other things "cached plan must not change result type".
  public static let featureNotSupported = SQLState(rawValue: "0A000")
  /// 23505: a duplicate value for a unique constraint or index.
  public static let uniqueViolation = SQLState(rawValue: "23505")
  /// 25006: a write on a read-only transaction or on a standby.
  public static let readOnlyTransaction = SQLState(rawValue: "25006")
  /// 26000: no prepared statement has that name.
  public static let invalidStatementName = SQLState(rawValue: "26000")
  /// 40001: a serialisation failure.
  ///
  /// The transaction may be retried.
  public static let serializationFailure = SQLState(rawValue: "40001")
  /// 40P01: rolled back to resolve a deadlock.
  ///
  /// The transaction may be retried.
  public static let deadlockDetected = SQLState(rawValue: "40P01")
  /// 42501: the role lacks a privilege, or row-level security rejects the row.
  public static let insufficientPrivilege = SQLState(rawValue: "42501")
  /// 42703: no column has that name.
  public static let undefinedColumn = SQLState(rawValue: "42703")
  /// 42710: an object of another kind already has that name.
  public static let duplicateObject = SQLState(rawValue: "42710")
  /// 42P01: no table has that name.
  public static let undefinedTable = SQLState(rawValue: "42P01")
  /// 42P06: a schema already has that name.
  public static let duplicateSchema = SQLState(rawValue: "42P06")
  /// 42P07: a table already has that name.
  public static let duplicateTable = SQLState(rawValue: "42P07")
  /// 53300: the server has no connection slot left.
  public static let tooManyConnections = SQLState(rawValue: "53300")
  /// 55P03: a lock was not available at once, or within `lock_timeout`.
  public static let lockNotAvailable = SQLState(rawValue: "55P03")
  /// 57014: cancelled by request or by `statement_timeout`.
  public static let queryCanceled = SQLState(rawValue: "57014")
  /// 57P01: an administrator terminated the backend.
  public static let adminShutdown = SQLState(rawValue: "57P01")
  /// 57P02: another backend crashed and the server is restarting.
  public static let crashShutdown = SQLState(rawValue: "57P02")
  /// 57P03: the server is starting up or shutting down.
  public static let cannotConnectNow = SQLState(rawValue: "57P03")
}
