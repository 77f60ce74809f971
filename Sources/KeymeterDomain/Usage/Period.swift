/// A calendar month in UTC, for which limits hold (contract §1).
public struct Period: Sendable, Hashable, CustomStringConvertible {
  /// The month's first day.
  public let firstDay: CivilDate

  /// The month in which a day lies.
  public init(containing day: CivilDate) {
    firstDay = CivilDate(daysSinceEpoch: day.daysSinceEpoch - day.day + 1)
  }

  /// When the next month begins, and usage with it at zero.
  public var resetsAt: Timestamp {
    let next = CivilDate(daysSinceEpoch: firstDay.daysSinceEpoch + 31)
    let first = Period(containing: next).firstDay
    return Timestamp(microseconds: first.daysSinceEpoch * 86_400_000_000)
  }

  /// How long the month is, in seconds.
  public var seconds: Int64 {
    resetsAt.microseconds / 1_000_000 - firstDay.daysSinceEpoch * 86_400
  }

  /// `YYYY-MM`.
  public var description: String { String(firstDay.description.prefix(7)) }
}

extension Timestamp {
  /// The day in UTC on which the moment lies.
  public var day: CivilDate { CivilDate(daysSinceEpoch: microseconds.flooredDivision(by: 86_400_000_000)) }
}
