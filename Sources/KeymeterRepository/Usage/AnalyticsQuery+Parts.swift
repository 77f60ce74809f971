import KeymeterDomain

extension AnalyticsQuery {
  /// The maximum number of parts.
  ///
  /// A longer range has several months in each part.
  static let mostParts: Int64 = 36

  /// Splits the query into consecutive parts that PostgreSQL can each answer in bounded time.
  ///
  /// A year of an organisation with 100,000 keys exceeds the statement timeout, but a month doesn't. Parts
  /// are split at month boundaries, so that a month's counters and days come from one snapshot. Queries for
  /// named keys are small and not split.
  var parts: [AnalyticsQuery] {
    guard keys == nil else { return [self] }
    let (from, to) = (Self.monthNumber(firstDay), Self.monthNumber(lastDay))
    let step = max(1, (to - from + Self.mostParts) / Self.mostParts)
    return stride(from: from, through: to, by: Int(step)).map { month in
      let begin = Self.firstDay(ofMonth: month)
      let end = Self.firstDay(ofMonth: month + step) - 1
      return AnalyticsQuery(
        firstDay: CivilDate(daysSinceEpoch: max(firstDay.daysSinceEpoch, begin)),
        lastDay: CivilDate(daysSinceEpoch: min(lastDay.daysSinceEpoch, end)), keys: nil)
    }
  }

  /// Months since the year 0.
  private static func monthNumber(_ day: CivilDate) -> Int64 { day.year * 12 + day.month - 1 }

  /// In days since 1970-01-01, even beyond the year 9999, where the last month ends.
  private static func firstDay(ofMonth number: Int64) -> Int64 {
    guard let first = CivilDate(year: number / 12, month: number % 12 + 1, day: 1) else { return .max }
    return first.daysSinceEpoch
  }
}
