/// A key's current month: its standing, and what open reservations hold of it.
public struct KeyUsage: Sendable, Hashable {
  /// What is used, reservations included.
  public let standing: KeyUsageSnapshot
  /// The part that open reservations hold.
  public let reserved: Amounts

  /// Usage as a store read it.
  public init(standing: KeyUsageSnapshot, reserved: Amounts) {
    self.standing = standing
    self.reserved = reserved
  }
}

/// What was used on one day (UTC).
public struct DailyUsage: Sendable, Hashable {
  /// The day.
  public let day: CivilDate
  /// What was used on it.
  public let used: Amounts

  /// Usage as a store read it.
  public init(day: CivilDate, used: Amounts) {
    self.day = day
    self.used = used
  }
}

/// Which usage is asked for.
public struct AnalyticsQuery: Sendable, Hashable {
  /// The first day, included.
  public let firstDay: CivilDate
  /// The last day, included.
  public let lastDay: CivilDate
  /// The keys; `nil` is the whole organisation, deleted keys included.
  public let keys: [KeyID]?

  /// A question about a range of days.
  public init(firstDay: CivilDate, lastDay: CivilDate, keys: [KeyID]?) {
    self.firstDay = firstDay
    self.lastDay = lastDay
    self.keys = keys
  }
}
