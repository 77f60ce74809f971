/// A key's usage in the current month, and the part held by open reservations.
public struct KeyUsage: Sendable, Hashable {
  /// The key's usage, including reservations.
  public let standing: KeyUsageSnapshot
  /// The amounts held by open reservations.
  public let reserved: Amounts

  /// Creates a value from a stored row.
  public init(standing: KeyUsageSnapshot, reserved: Amounts) {
    self.standing = standing
    self.reserved = reserved
  }
}

/// The usage of one day (UTC).
public struct DailyUsage: Sendable, Hashable {
  /// The day.
  public let day: CivilDate
  /// The amounts used.
  public let used: Amounts

  /// Creates a value from a stored row.
  public init(day: CivilDate, used: Amounts) {
    self.day = day
    self.used = used
  }
}

/// A query for daily usage.
public struct AnalyticsQuery: Sendable, Hashable {
  /// The first day, inclusive.
  public let firstDay: CivilDate
  /// The last day, inclusive.
  public let lastDay: CivilDate
  /// The keys, or nil for the whole organisation including its deleted keys.
  public let keys: [KeyID]?

  /// Creates a query for a range of days.
  public init(firstDay: CivilDate, lastDay: CivilDate, keys: [KeyID]?) {
    self.firstDay = firstDay
    self.lastDay = lastDay
    self.keys = keys
  }
}
