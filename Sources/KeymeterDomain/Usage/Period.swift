/// A calendar month in UTC, the period of limits (contract §1).
public struct Period: Sendable, Hashable, CustomStringConvertible {
  /// The first day of the month.
  public let firstDay: CivilDate

  /// Creates the month that contains a day.
  public init(containing day: CivilDate) {
    firstDay = CivilDate(daysSinceEpoch: day.daysSinceEpoch - day.day + 1)
  }

  /// The start of the next month, when usage resets to zero.
  public var resetsAt: Timestamp {
    let next = CivilDate(daysSinceEpoch: firstDay.daysSinceEpoch + 31)
    let first = Period(containing: next).firstDay
    return Timestamp(microseconds: first.daysSinceEpoch * 86_400_000_000)
  }

  /// The length of the month in seconds.
  public var seconds: Int64 {
    resetsAt.microseconds / 1_000_000 - firstDay.daysSinceEpoch * 86_400
  }

  /// `YYYY-MM`.
  public var description: String { String(firstDay.description.prefix(7)) }
}

extension Timestamp {
  /// The day in UTC.
  public var day: CivilDate { CivilDate(daysSinceEpoch: microseconds.flooredDivision(by: 86_400_000_000)) }
}
