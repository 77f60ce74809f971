import HTTPTypes
import KeymeterDomain
import Synchronization

extension HTTPFields {
  /// Appends the key's facts and limits, which gateways pass on to the service behind them.
  ///
  /// None of these headers may exist yet.
  mutating func add(_ usage: KeyUsageSnapshot) {
    append(HTTPField(name: .keyID, value: usage.keyID.rawValue))
    append(HTTPField(name: .organisationID, value: usage.organisationID.rawValue))
    append(HTTPField(name: .environment, value: usage.environment.rawValue))
    append(HTTPField(name: .scopes, value: usage.scopes.map(\.rawValue).joined(separator: " ")))
    RateLimitFields.add(usage, to: &self)
  }
}

/// `RateLimit-Policy` and `RateLimit`, by the IETF httpapi draft: structured field lists with one item per limited
/// dimension.
enum RateLimitFields {
  /// The largest integer of a structured field: 15 digits (RFC 9651, section 3.3.1).
  ///
  /// Larger limits are reported as this.
  private static let largestInteger: Int64 = 999_999_999_999_999

  /// Adds both headers, unless no dimension is limited.
  static func add(_ usage: KeyUsageSnapshot, to headers: inout HTTPFields) {
    guard Dimension.allCases.contains(where: { usage.limits[$0] != nil }) else { return }
    let text = PeriodText.of(usage)
    let secondsLeft = ";t=\(text.secondsLeft(usage))"
    var policy = ""
    var current = ""
    policy.reserveCapacity(96)
    current.reserveCapacity(96)
    for dimension in Dimension.allCases {
      guard let limit = usage.limits[dimension], let remaining = usage.remaining(dimension) else { continue }
      if !policy.isEmpty {
        policy += ", "
        current += ", "
      }
      policy += item(dimension)
      policy += ";q="
      policy += String(min(limit, largestInteger))
      policy += text.window
      // Requests are the draft's default unit.
      if dimension != .requests {
        policy += ";qu="
        policy += item(dimension)
      }
      current += item(dimension)
      current += ";r="
      current += String(min(remaining, largestInteger))
      current += secondsLeft
    }
    headers.append(HTTPField(name: .rateLimitPolicy, value: policy))
    headers.append(HTTPField(name: .rateLimit, value: current))
  }

  /// The dimension as a string of a structured field.
  private static func item(_ dimension: Dimension) -> String {
    switch dimension {
    case .requests: "\"requests\""
    case .tokens: "\"tokens\""
    case .speechSeconds: "\"stt_secs\""
    }
  }
}

/// A month as responses write it, formatted once for all requests of the month.
struct PeriodText: Sendable {
  /// `YYYY-MM`.
  let period: String
  /// The end of the month, in RFC 3339.
  let resetsAt: String
  /// `;w=` and the month's seconds: the window of `RateLimit-Policy`.
  let window: String
  /// The month in microseconds since 1970.
  private let moments: Range<Int64>

  private static let latest = Mutex<PeriodText?>(nil)

  /// The text for the month in which `usage` was judged.
  static func of(_ usage: KeyUsageSnapshot) -> PeriodText {
    let moment = usage.judgedAt.microseconds
    return latest.withLock { latest in
      if let latest, latest.moments.contains(moment) { return latest }
      let text = PeriodText(usage.period)
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

  /// Whole seconds until the month ends, rounded up, so at least 1.
  func secondsLeft(_ usage: KeyUsageSnapshot) -> Int64 {
    max(1, (moments.upperBound - usage.judgedAt.microseconds + 999_999) / 1_000_000)
  }
}

extension JSONObjectWriter {
  /// Writes `limits`, `period` and `resets_at`: always all three dimensions, `null` where unlimited.
  mutating func limits(_ usage: KeyUsageSnapshot, reserved: Amounts? = nil) {
    object("limits") { limits in
      limits.object("requests") { $0.limit(.requests, usage, reserved) }
      limits.object("tokens") { $0.limit(.tokens, usage, reserved) }
      limits.object("stt_secs") { $0.limit(.speechSeconds, usage, reserved) }
    }
    let text = PeriodText.of(usage)
    member("period", text.period)
    member("resets_at", text.resetsAt)
  }

  private mutating func limit(_ dimension: Dimension, _ usage: KeyUsageSnapshot, _ reserved: Amounts?) {
    member("limit", usage.limits[dimension])
    member("used", usage.used[dimension])
    member("remaining", usage.remaining(dimension))
    if let reserved { member("reserved", reserved[dimension]) }
  }
}
