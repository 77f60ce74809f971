/// A calendar day, as `date` holds it.
public struct PostgresDate: Sendable, Hashable, Comparable {
  /// Days since 1970-01-01, which is day 0.
  public var daysSinceUnixEpoch: Int32

  /// Makes a day from the number of days since 1970-01-01.
  public init(daysSinceUnixEpoch: Int32) {
    self.daysSinceUnixEpoch = daysSinceUnixEpoch
  }

  /// Orders by time.
  public static func < (left: PostgresDate, right: PostgresDate) -> Bool {
    left.daysSinceUnixEpoch < right.daysSinceUnixEpoch
  }

  /// PostgreSQL counts from 2000-01-01.
  private static let postgresEpoch: Int32 = 10_957

  /// The wire value, or nil where it would not fit or would read as `-infinity`.
  var wireValue: Int32? {
    let (value, overflow) = daysSinceUnixEpoch.subtractingReportingOverflow(Self.postgresEpoch)
    return overflow || value == .min ? nil : value
  }

  /// Reads a wire value; nil for `infinity`, `-infinity` and what does not fit.
  init?(wireValue: Int32) {
    let (value, overflow) = wireValue.addingReportingOverflow(Self.postgresEpoch)
    guard !overflow, wireValue != .max, wireValue != .min else { return nil }
    self.init(daysSinceUnixEpoch: value)
  }
}
