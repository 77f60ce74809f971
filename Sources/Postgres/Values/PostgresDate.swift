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
