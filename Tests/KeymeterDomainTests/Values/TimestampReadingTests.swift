import FoundationEssentials
import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct TimestampReadingTests {
  @Test(
    "An RFC 3339 date-time is parsed with its zone",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:00z", 0), ("1969-12-31T23:59:59Z", -1_000_000),
      ("1969-12-31T23:59:59.5Z", -500_000), ("2024-01-15T10:30:00Z", 1_705_314_600_000_000),
      ("2024-01-15T12:30:00+02:00", 1_705_314_600_000_000),
      ("2024-01-15T05:00:00-05:30", 1_705_314_600_000_000),
      ("2024-01-16T10:29:00+23:59", 1_705_314_600_000_000),
      ("2024-01-14T10:31:00-23:59", 1_705_314_600_000_000),
      ("2024-01-15T10:30:00-00:00", 1_705_314_600_000_000),
      ("2024-01-15T10:30:00+00:00", 1_705_314_600_000_000),
      ("2024-02-29T12:34:56Z", 1_709_210_096_000_000), ("2000-02-29T00:00:00Z", 951_782_400_000_000),
      ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
      ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
    ])
  func parsed(text: String, microseconds: Int64) {
    #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
  }

  @Test(
    "A fraction is parsed to the microsecond and cut off there",
    arguments: [
      (".0", 0), (".1", 100_000), (".12", 120_000), (".123456", 123_456), (".000001", 1),
      (".1234567", 123_456),
      (".9999999", 999_999), (".0000009", 0), (".123456999999999999999999999999999999", 123_456),
    ])
  func fraction(fraction: String, microseconds: Int64) {
    #expect(Timestamp(rfc3339: "1970-01-01T00:00:00\(fraction)Z")?.microseconds == microseconds)
  }

  @Test(
    "Anything else is rejected",
    arguments: [
      "", "Z", "2024", "2024-01-15", "2024-01-15T10:30:00", "2024-01-15T10:30:00.5", "2024-01-15 10:30:00Z",
      "2024-01-15T10:30Z", "2024-01-15T10Z", "20240115T103000Z", "24-01-15T10:30:00Z", "2024-1-15T10:30:00Z",
      "2024-01-15T1:30:00Z", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
      "2024-04-31T00:00:00Z", "2024-00-15T00:00:00Z", "2024-13-15T00:00:00Z", "2024-01-00T00:00:00Z",
      "2024-01-32T00:00:00Z", "2024-01-15T24:00:00Z", "2024-01-15T25:00:00Z", "2024-01-15T10:60:00Z",
      "2016-12-31T23:59:60Z", "2024-01-15T10:30:61Z", "2024-01-15T10:30:00.Z", "2024-01-15T10:30:00,5Z",
      "2024-01-15T10:30:00+0200", "2024-01-15T10:30:00+02", "2024-01-15T10:30:00+24:00",
      "2024-01-15T10:30:00+02:60", "2024-01-15T10:30:00 Z", "2024-01-15T10:30:00Z ", " 2024-01-15T10:30:00Z",
      "2024-01-15T10:30:00ZZ", "2024-01-15T10:30:00Z\n", "2024-01-15T10:30:00Z\0", "2024-01-15T10:30:00UTC",
      "2024-01-15T10:30:00Z+01:00", "+2024-01-15T10:30:00Z", "-2024-01-15T10:30:00Z", "12024-01-15T10:30:00Z",
      "0000-01-01T00:00:00Z", "2024-01-15T10:30:-1Z", "2024-01-15T10:30:00\u{2212}02:00",
      "２０２４-01-15T10:30:00Z",
      "1705314600", "tomorrow",
    ])
  func invalid(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }

  /// RFC 3339 has four digits for the year, so such a time could not be written again.
  @Test(
    "A time outside the years 1 to 9999 in UTC is rejected",
    arguments: ["9999-12-31T23:59:59-00:01", "9999-12-31T00:01:00-23:59", "0001-01-01T00:00:00+00:01"])
  func range(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }

  /// Offsets under 18 hours, because Foundation supports no larger ones.
  @Test("Foundation parses the same time with any offset")
  func foundation() throws {
    var random = SeededGenerator(seed: 17)
    for _ in 0..<3000 {
      let second = Int64.random(in: -12_212_000_000...253_402_000_000, using: &random)
      let minutes = Int64.random(in: -1_079...1_079, using: &random)
      let local = Timestamp(microseconds: (second + minutes * 60) * 1_000_000).rfc3339.dropLast()
      let text = "\(local)\(minutes < 0 ? "-" : "+")\(padded(abs(minutes) / 60)):\(padded(abs(minutes) % 60))"
      let foundation = try Date(text, strategy: .iso8601).timeIntervalSince1970
      guard Timestamp(rfc3339: text)?.microseconds == second * 1_000_000, foundation == Double(second) else {
        Issue.record("\(text) is \(second), and to Foundation \(foundation)")
        return
      }
    }
  }

  @Test("A written timestamp is read back to the second")
  func roundTrip() {
    var random = SeededGenerator(seed: 18)
    for _ in 0..<5000 {
      let microseconds = Int64.random(
        in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &random)
      let read = Timestamp(rfc3339: Timestamp(microseconds: microseconds).rfc3339)?.microseconds ?? .min
      guard (0..<1_000_000).contains(microseconds - read) else {
        Issue.record("\(microseconds) came back as \(read)")
        return
      }
    }
  }

  private func padded(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
