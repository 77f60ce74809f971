import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct CivilDateTests {
  private static let monthLengths: [Int64] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

  /// Counts from 0001-01-01 month by month, with the leap year rule.
  @Test("The days of the years 1 to 9999 are numbered without a gap")
  func days() throws {
    var days: Int64 = -719_162
    for year in 1...9999 as ClosedRange<Int64> {
      let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for month in 1...12 as ClosedRange<Int64> {
        let length = Self.monthLengths[Int(month) - 1] + (leap && month == 2 ? 1 : 0)
        try expectSame(year, month, 1, days)
        try expectSame(year, month, length, days + length - 1)
        guard CivilDate(year: year, month: month, day: length + 1) == nil else {
          Issue.record("\(year)-\(month) has a day too many")
          return
        }
        days += length
      }
    }
    #expect(days == 2_932_897)
  }

  @Test("Numbers and days convert to each other far beyond the calendar")
  func roundTrip() {
    var random = SeededGenerator(seed: 15)
    for _ in 0..<20_000 {
      let days = Int64.random(in: -1_000_000_000...1_000_000_000, using: &random)
      let date = CivilDate(daysSinceEpoch: days)
      guard date.daysSinceEpoch == days, (1...12).contains(date.month), (1...31).contains(date.day) else {
        Issue.record("\(days) days became \(date)")
        return
      }
    }
  }

  @Test(
    "Known days have their known numbers",
    arguments: [
      (0, "1970-01-01"), (-1, "1969-12-31"), (31, "1970-02-01"), (11_016, "2000-02-29"),
      (11_017, "2000-03-01"),
      (19_737, "2024-01-15"), (19_782, "2024-02-29"), (-25_509, "1900-02-28"), (-25_508, "1900-03-01"),
      (-719_162, "0001-01-01"), (2_932_896, "9999-12-31"),
    ])
  func known(days: Int64, text: String) {
    #expect(CivilDate(daysSinceEpoch: days).description == text)
  }

  @Test(
    "A day that does not exist is rejected",
    arguments: [
      (2023, 2, 29), (1900, 2, 29), (2100, 2, 29), (2024, 2, 30), (2024, 4, 31), (2024, 1, 32), (2024, 1, 0),
      (2024, 1, -1), (2024, 0, 1), (2024, 13, 1), (2024, -1, 1), (0, 1, 1), (-1, 1, 1), (10_000, 1, 1),
      (Int64.max, 1, 1), (Int64.min, 1, 1), (2024, Int64.max, 1), (2024, 1, Int64.max), (2024, 1, Int64.min),
    ])
  func invalid(year: Int64, month: Int64, day: Int64) {
    #expect(CivilDate(year: year, month: month, day: day) == nil)
  }

  private func expectSame(_ year: Int64, _ month: Int64, _ day: Int64, _ days: Int64) throws {
    let date = try #require(CivilDate(year: year, month: month, day: day))
    guard date.daysSinceEpoch == days, CivilDate(daysSinceEpoch: days) == date else {
      Issue.record("\(date) is not \(days) days from 1970")
      return
    }
  }
}
