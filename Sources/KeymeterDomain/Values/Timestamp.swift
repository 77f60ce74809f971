/// An instant in UTC with PostgreSQL's microsecond precision.
public struct Timestamp: Sendable, Hashable, Comparable {
  /// Microseconds since 1970-01-01T00:00:00Z.
  public let microseconds: Int64

  /// Creates an instant from microseconds since 1970-01-01T00:00:00Z.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Orders chronologically.
  public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

  /// The instant `seconds` later.
  public func advanced(bySeconds seconds: Int64) -> Timestamp {
    Timestamp(microseconds: microseconds + seconds * 1_000_000)
  }
}

extension Timestamp {
  /// 0001-01-01T00:00:00Z, in seconds since 1970.
  private static let firstSecond: Int64 = -62_135_596_800
  /// 9999-12-31T23:59:59Z, in seconds since 1970.
  private static let lastSecond: Int64 = 253_402_300_799

  /// RFC 3339 in UTC with whole seconds and `Z` (contract §3).
  ///
  /// Fractions are truncated, never rounded up.
  public var rfc3339: String {
    let seconds = microseconds.flooredDivision(by: 1_000_000)
    let days = seconds.flooredDivision(by: 86_400)
    let time = seconds - days * 86_400
    let date = CivilDate(daysSinceEpoch: days)
    var text = date.description
    text.reserveCapacity(20)
    text += "T"
    text.appendPadded(time / 3_600, width: 2)
    text += ":"
    text.appendPadded(time / 60 % 60, width: 2)
    text += ":"
    text.appendPadded(time % 60, width: 2)
    text += "Z"
    return text
  }

  /// Parses an RFC 3339 `date-time`: a date, `T`, a time with an optional fraction, and a zone (`Z` or
  /// ±hh:mm).
  ///
  /// Digits beyond microseconds are truncated. Leap seconds are rejected, because PostgreSQL's clock has
  /// none. So are instants that the zone moves outside the years 1 to 9999, because they couldn't be
  /// formatted again.
  public init?(rfc3339 text: String) {
    var reader = DigitReader(text.utf8)
    guard let year = reader.number(width: 4), reader.skip("-"), let month = reader.number(width: 2),
      reader.skip("-"), let day = reader.number(width: 2), reader.skip("T") || reader.skip("t"),
      let hour = reader.number(width: 2), reader.skip(":"), let minute = reader.number(width: 2),
      reader.skip(":"), let second = reader.number(width: 2),
      let date = CivilDate(year: year, month: month, day: day),
      hour < 24, minute < 60, second < 60,
      let fraction = reader.fraction(), let offset = reader.zoneOffsetSeconds(), reader.isAtEnd
    else { return nil }
    let seconds = date.daysSinceEpoch * 86_400 + hour * 3_600 + minute * 60 + second - offset
    guard (Self.firstSecond...Self.lastSecond).contains(seconds) else { return nil }
    microseconds = seconds * 1_000_000 + fraction
  }
}

/// Parses the fixed-width fields of a date and time from ASCII bytes.
private struct DigitReader {
  private var rest: Substring.UTF8View

  init(_ bytes: String.UTF8View) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard let byte = rest.first, UInt32(byte) == character.value else { return false }
    rest.removeFirst()
    return true
  }

  mutating func number(width: Int) -> Int64? {
    guard rest.count >= width else { return nil }
    var value: Int64 = 0
    for byte in rest.prefix(width) {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    rest = rest.dropFirst(width)
    return value
  }

  /// The microseconds of an optional fraction, or nil for a point without digits.
  mutating func fraction() -> Int64? {
    guard skip(".") else { return 0 }
    var value: Int64 = 0
    var digits = 0
    while let digit = number(width: 1) {
      if digits < 6 { value = value * 10 + digit }
      digits += 1
    }
    guard digits > 0 else { return nil }
    for _ in 0..<max(0, 6 - digits) { value *= 10 }
    return value
  }

  /// Seconds east of UTC, or nil if there is no zone.
  mutating func zoneOffsetSeconds() -> Int64? {
    if skip("Z") || skip("z") { return 0 }
    let sign: Int64
    if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
    guard let hours = number(width: 2), skip(":"), let minutes = number(width: 2), hours < 24, minutes < 60
    else { return nil }
    return sign * (hours * 3_600 + minutes * 60)
  }
}
