/// An instant, as `timestamptz` holds it: whole microseconds.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
  /// Microseconds since 1970-01-01 00:00:00 UTC.
  public var microsecondsSinceUnixEpoch: Int64

  /// Makes an instant from microseconds since 1970-01-01 00:00:00 UTC.
  public init(microsecondsSinceUnixEpoch: Int64) {
    self.microsecondsSinceUnixEpoch = microsecondsSinceUnixEpoch
  }

  /// Orders by time.
  public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool {
    left.microsecondsSinceUnixEpoch < right.microsecondsSinceUnixEpoch
  }

  /// PostgreSQL counts from 2000-01-01 00:00:00 UTC.
  private static let postgresEpoch: Int64 = 946_684_800_000_000

  /// The wire value, or nil where it would not fit or would read as `-infinity`.
  var wireValue: Int64? {
    let (value, overflow) = microsecondsSinceUnixEpoch.subtractingReportingOverflow(Self.postgresEpoch)
    return overflow || value == .min ? nil : value
  }

  /// Reads a wire value; nil for `infinity`, `-infinity` and what does not fit.
  init?(wireValue: Int64) {
    let (value, overflow) = wireValue.addingReportingOverflow(Self.postgresEpoch)
    guard !overflow, wireValue != .max, wireValue != .min else { return nil }
    self.init(microsecondsSinceUnixEpoch: value)
  }
}
