/// A PostgreSQL `timestamptz`: an instant in whole microseconds.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
  /// Microseconds since 1970-01-01 00:00:00 UTC.
  public var microsecondsSinceUnixEpoch: Int64

  /// Creates an instant from microseconds since 1970-01-01 00:00:00 UTC.
  public init(microsecondsSinceUnixEpoch: Int64) {
    self.microsecondsSinceUnixEpoch = microsecondsSinceUnixEpoch
  }

  /// Orders chronologically.
  public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool {
    left.microsecondsSinceUnixEpoch < right.microsecondsSinceUnixEpoch
  }

  /// PostgreSQL counts from 2000-01-01 00:00:00 UTC.
  private static let postgresEpoch: Int64 = 946_684_800_000_000

  /// The wire value, or nil if it is out of range or would mean `-infinity`.
  var wireValue: Int64? {
    let (value, overflow) = microsecondsSinceUnixEpoch.subtractingReportingOverflow(Self.postgresEpoch)
    return overflow || value == .min ? nil : value
  }

  /// Decodes a wire value.
  ///
  /// Nil for `infinity`, `-infinity` and values out of range.
  init?(wireValue: Int64) {
    let (value, overflow) = wireValue.addingReportingOverflow(Self.postgresEpoch)
    guard !overflow, wireValue != .max, wireValue != .min else { return nil }
    self.init(microsecondsSinceUnixEpoch: value)
  }
}

/// A PostgreSQL `date`.
public struct PostgresDate: Sendable, Hashable, Comparable {
  /// Days since 1970-01-01 (day 0).
  public var daysSinceUnixEpoch: Int32

  /// Creates a date from the number of days since 1970-01-01.
  public init(daysSinceUnixEpoch: Int32) {
    self.daysSinceUnixEpoch = daysSinceUnixEpoch
  }

  /// Orders chronologically.
  public static func < (left: PostgresDate, right: PostgresDate) -> Bool {
    left.daysSinceUnixEpoch < right.daysSinceUnixEpoch
  }

  /// PostgreSQL counts from 2000-01-01.
  private static let postgresEpoch: Int32 = 10_957

  /// The wire value, or nil if it is out of range or would mean `-infinity`.
  var wireValue: Int32? {
    let (value, overflow) = daysSinceUnixEpoch.subtractingReportingOverflow(Self.postgresEpoch)
    return overflow || value == .min ? nil : value
  }

  /// Decodes a wire value.
  ///
  /// Nil for `infinity`, `-infinity` and values out of range.
  init?(wireValue: Int32) {
    let (value, overflow) = wireValue.addingReportingOverflow(Self.postgresEpoch)
    guard !overflow, wireValue != .max, wireValue != .min else { return nil }
    self.init(daysSinceUnixEpoch: value)
  }
}
