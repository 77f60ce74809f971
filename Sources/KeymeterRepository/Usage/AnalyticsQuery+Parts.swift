import KeymeterDomain

extension AnalyticsQuery {
  /// The most questions that one is asked as; a range of more months has several of them in each.
  static let mostParts: Int64 = 36

  /// The same question as several, one behind the other, that PostgreSQL answers in bounded time each.
  ///
  /// A year of an organisation with a hundred thousand keys is more than a statement has time for; a month of it isn't.
  /// They part where months do: what a month's counters and days hold is looked at in one snapshot. Named keys are few,
  /// and are asked for at once.
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

  /// Months in a row since the year 0.
  private static func monthNumber(_ day: CivilDate) -> Int64 { day.year * 12 + day.month - 1 }

  /// In days since 1970-01-01, also past the year 9999, where the last month of all ends.
  private static func firstDay(ofMonth number: Int64) -> Int64 {
    guard let first = CivilDate(year: number / 12, month: number % 12 + 1, day: 1) else { return .max }
    return first.daysSinceEpoch
  }
}
