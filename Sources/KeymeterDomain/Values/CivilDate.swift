/// A day of the proleptic Gregorian calendar, in UTC.
public struct CivilDate: Sendable, Hashable, CustomStringConvertible {
  /// The year, such as 2026.
  public let year: Int64
  /// The month, 1 to 12.
  public let month: Int64
  /// The day of the month, 1 to 31.
  public let day: Int64

  /// Creates a valid date in the years 1 to 9999.
  ///
  /// Nil for any other, such as 30 February.
  public init?(year: Int64, month: Int64, day: Int64) {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
    let candidate = CivilDate(unchecked: year, month, day)
    // Invalid days overflow into the next month and so come back as another date.
    guard day <= 31, CivilDate(daysSinceEpoch: candidate.daysSinceEpoch) == candidate else { return nil }
    self = candidate
  }

  /// Parses `YYYY-MM-DD`.
  ///
  /// Nil for any other form and for invalid dates.
  public init?(_ text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 10, digits[4] == UInt8(ascii: "-"), digits[7] == UInt8(ascii: "-") else {
      return nil
    }
    func number(_ range: Range<Int>) -> Int64? {
      guard digits[range].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
        return nil
      }
      return digits[range].reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10) else { return nil }
    self.init(year: year, month: month, day: day)
  }

  private init(unchecked year: Int64, _ month: Int64, _ day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// Creates the date `days` after 1970-01-01.
  ///
  /// Counts in 400-year eras of 146,097 days and in years that start in March, so the leap day comes last and
  /// needs no special case.
  public init(daysSinceEpoch days: Int64) {
    let shifted = days + 719_468
    let era = shifted.flooredDivision(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Days since 1970-01-01.
  public var daysSinceEpoch: Int64 {
    let marchYear = month <= 2 ? year - 1 : year
    let era = marchYear.flooredDivision(by: 400)
    let yearOfEra = marchYear - era * 400
    let marchMonth = month > 2 ? month - 3 : month + 9
    let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// `YYYY-MM-DD`.
  public var description: String {
    var text = ""
    text.appendPadded(year, width: 4)
    text += "-"
    text.appendPadded(month, width: 2)
    text += "-"
    text.appendPadded(day, width: 2)
    return text
  }
}

extension Int64 {
  /// Division that rounds towards negative infinity, so that days before 1970 are correct.
  func flooredDivision(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}

extension String {
  /// Appends a non-negative number, zero-padded to `width` digits.
  mutating func appendPadded(_ number: Int64, width: Int) {
    let digits = String(number)
    for _ in 0..<max(0, width - digits.utf8.count) { append("0") }
    append(digits)
  }
}
