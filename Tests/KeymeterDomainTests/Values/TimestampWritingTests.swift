import FoundationEssentials
import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct TimestampWritingTests {
  @Test(
    "A timestamp is written in UTC with whole seconds, and the fraction is cut off",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (999_999, "1970-01-01T00:00:00Z"), (1_000_000, "1970-01-01T00:00:01Z"),
      (-1, "1969-12-31T23:59:59Z"), (-1_000_000, "1969-12-31T23:59:59Z"),
      (-1_000_001, "1969-12-31T23:59:58Z"),
      (1_705_314_600_000_000, "2024-01-15T10:30:00Z"), (1_709_210_096_500_000, "2024-02-29T12:34:56Z"),
      (253_402_300_799_999_999, "9999-12-31T23:59:59Z"), (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
      (-2_203_891_200_000_000, "1900-03-01T00:00:00Z"),
    ])
  func written(
    microseconds: Int64, text: String
  ) {
    #expect(Timestamp(microseconds: microseconds).rfc3339 == text)
  }

  /// From 1583 on, because Foundation uses the Julian calendar before.
  @Test("Foundation writes the same text for every date of the Gregorian calendar")
  func foundation() {
    var random = SeededGenerator(seed: 16)
    for _ in 0..<5000 {
      let second = Int64.random(in: -12_212_553_600...253_402_300_799, using: &random)
      let fraction = Int64.random(in: 0..<1_000_000, using: &random)
      let text = Timestamp(microseconds: second * 1_000_000 + fraction).rfc3339
      let expected = Date(timeIntervalSince1970: Double(second)).formatted(.iso8601)
      guard text == expected else {
        Issue.record("\(second) was written \(text), not \(expected)")
        return
      }
    }
  }

  @Test("Timestamps are ordered, and seconds are added exactly")
  func ordered() {
    let moment = Timestamp(microseconds: -1)
    #expect(moment < Timestamp(microseconds: 0))
    #expect(!(moment < moment))
    #expect(moment.advanced(bySeconds: 61).microseconds == 60_999_999)
    #expect(moment.advanced(bySeconds: -1).microseconds == -1_000_001)
  }
}
