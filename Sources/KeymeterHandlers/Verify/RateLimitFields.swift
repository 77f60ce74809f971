import HTTPTypes
import KeymeterDomain

/// `RateLimit-Policy` and `RateLimit` after the IETF's httpapi draft: structured field lists with one item for each
/// dimension that is limited.
enum RateLimitFields {
  /// The largest integer of a structured field: 15 digits (RFC 9651, section 3.3.1).
  ///
  /// A larger limit is told as this.
  private static let largestInteger: Int64 = 999_999_999_999_999

  /// Adds both fields, unless no dimension is limited.
  static func add(_ standing: KeyUsageSnapshot, to headers: inout HTTPFields) {
    guard Dimension.allCases.contains(where: { standing.limits[$0] != nil }) else { return }
    let text = PeriodText.of(standing)
    let secondsLeft = ";t=\(text.secondsLeft(standing))"
    var policy = ""
    var current = ""
    policy.reserveCapacity(96)
    current.reserveCapacity(96)
    for dimension in Dimension.allCases {
      guard let limit = standing.limits[dimension], let remaining = standing.remaining(dimension) else {
        continue
      }
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

  /// The dimension as a structured field's string.
  private static func item(_ dimension: Dimension) -> String {
    switch dimension {
    case .requests: "\"requests\""
    case .tokens: "\"tokens\""
    case .speechSeconds: "\"stt_secs\""
    }
  }
}
