import KeymeterDomain
import Synchronization

/// What answers say of a month, written once for all requests of that month.
struct PeriodText: Sendable {
  /// `YYYY-MM`.
  let period: String
  /// When it ends, in RFC 3339.
  let resetsAt: String
  /// `;w=` and how long it is, in seconds: the window of `RateLimit-Policy`.
  let window: String
  /// Moments of the month, in microseconds since 1970.
  private let moments: Range<Int64>

  private static let latest = Mutex<PeriodText?>(nil)

  /// The text for the month in which `standing` was judged.
  static func of(_ standing: KeyUsageSnapshot) -> PeriodText {
    let moment = standing.judgedAt.microseconds
    return latest.withLock { latest in
      if let latest, latest.moments.contains(moment) { return latest }
      let text = PeriodText(standing.period)
      latest = text
      return text
    }
  }

  private init(_ period: Period) {
    self.period = period.description
    resetsAt = period.resetsAt.rfc3339
    window = ";w=\(period.seconds)"
    moments = period.firstDay.daysSinceEpoch * 86_400_000_000..<period.resetsAt.microseconds
  }

  /// Whole seconds from when `standing` was judged to the month's end, rounded up, and so never 0.
  func secondsLeft(_ standing: KeyUsageSnapshot) -> Int64 {
    max(1, (moments.upperBound - standing.judgedAt.microseconds + 999_999) / 1_000_000)
  }
}
