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
  static func add(_ standing: KeyStanding, to headers: inout HTTPFields) {
    var policy = ""
    var current = ""
    for dimension in Dimension.allCases {
      guard let limit = standing.limits[dimension], let remaining = standing.remaining(dimension) else {
        continue
      }
      if !policy.isEmpty {
        policy += ", "
        current += ", "
      }
      policy += "\"\(dimension.rawValue)\";q=\(min(limit, largestInteger));w=\(standing.period.seconds)"
      // Requests are the draft's default unit.
      if dimension != .requests { policy += ";qu=\"\(dimension.rawValue)\"" }
      current +=
        "\"\(dimension.rawValue)\";r=\(min(remaining, largestInteger));t=\(standing.secondsUntilReset)"
    }
    guard !policy.isEmpty else { return }
    headers[.rateLimitPolicy] = policy
    headers[.rateLimit] = current
  }
}
