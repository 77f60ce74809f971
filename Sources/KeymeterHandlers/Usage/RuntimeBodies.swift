import KeymeterDomain

extension BodyMembers {
  /// An amount: a whole number from 0 to 2^53 − 1; 0 where it is absent.
  mutating func amount(_ name: String) -> Int64 { wholeNumber(name, in: 0...MonthlyLimits.largest) ?? 0 }

  /// The amounts of all three dimensions.
  mutating func amounts() -> Amounts {
    Amounts(requests: amount("requests"), tokens: amount("tokens"), speechSeconds: amount("stt_secs"))
  }

  /// A whole number; `nil` where it is absent, or is none of the range, which is noted.
  mutating func wholeNumber(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
    switch take(name) {
    case nil: return nil
    case .number(let number):
      if let value = number.wholeNumber, range.contains(value) { return value }
    default: break
    }
    refuse(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  /// A day that must be there: `YYYY-MM-DD`.
  mutating func requiredDay(_ name: String) -> CivilDate? {
    guard let text = requiredText(name) else { return nil }
    guard let day = CivilDate(text) else {
      refuse(name, "must be a day like 2026-01-31")
      return nil
    }
    return day
  }
}
