import KeymeterDomain
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The `Date` header, formatted once a second.
public final class DateField: Sendable {
  private let latest = Mutex<(second: Int, text: String)>((0, ""))

  /// Formats nothing until it is first used.
  public init() {}

  /// The current time as in RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
  public var current: String {
    let second = time(nil)
    return latest.withLock { latest in
      if latest.second != second { latest = (second, Self.text(second: Int64(second))) }
      return latest.text
    }
  }

  static func text(second: Int64) -> String {
    let days = second / 86_400
    let date = CivilDate(daysSinceEpoch: days)
    let time = second % 86_400
    // 1 January 1970 was a Thursday.
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int(days % 7)]
    let month = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][Int(date.month - 1)]
    let clock = [time / 3_600, time / 60 % 60, time % 60].map(twoDigits).joined(separator: ":")
    return "\(weekday), \(twoDigits(date.day)) \(month) \(date.year) \(clock) GMT"
  }

  private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
