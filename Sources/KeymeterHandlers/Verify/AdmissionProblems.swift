import HTTPTypes
import KeymeterDomain

extension AdmissionRejectedError: ProblemConvertible {
  var problem: Problem { .rejected(rejection, key, charge: charge) }
}

extension Problem {
  /// The problem of a request that was not admitted.
  ///
  /// - Parameters:
  ///   - usage: the key's usage where it was read. The response carries it.
  ///   - overLimitStatus: 429, or 403 for gateways that can't pass 429 on.
  static func rejected(
    _ rejection: AdmissionRejection, _ usage: KeyUsageSnapshot?, charge: Amounts,
    overLimitStatus: HTTPResponse.Status = .tooManyRequests
  ) -> Problem {
    switch rejection {
    case .unknownProvider: Dialect.unauthenticated("unknown_provider")
    case .unknownKey: Dialect.unauthenticated("unknown_key")
    case .revoked: Dialect.unauthenticated("revoked")
    case .expired: Dialect.unauthenticated("expired")
    case .addressNotAllowed:
      // Without the limits: a client at the wrong address may have stolen the key.
      notPermitted("address_not_allowed", "The key is not allowed from this client address.", nil)
    case .environmentMismatch:
      notPermitted(
        "environment_mismatch", "The key belongs to another environment than this call requires.", usage)
    case .scopeMissing:
      notPermitted("scope_missing", "The key lacks a scope that this call requires.", usage)
    case .overLimit(let dimension):
      overLimit(dimension, usage, charge: charge, status: overLimitStatus)
    }
  }

  private static func notPermitted(_ reason: String, _ detail: String, _ usage: KeyUsageSnapshot?) -> Problem
  {
    var problem = forbidden("Not permitted.", detail, reason)
    problem.headers[.reason] = reason
    if let usage { RateLimitFields.add(usage, to: &problem.headers) }
    return problem
  }

  private static func overLimit(
    _ dimension: Dimension, _ usage: KeyUsageSnapshot?, charge: Amounts, status: HTTPResponse.Status
  ) -> Problem {
    var problem = Problem(
      status: status, title: "Quota exceeded.",
      detail: "The charge exceeds the remainder of the key's monthly limit of \(dimension.rawValue).",
      code: "quota_exceeded",
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded")
    problem.headers[.reason] = "over_limit"
    guard let usage else { return problem }
    problem.headers[.retryAfter] = String(PeriodText.of(usage).secondsLeft(usage))
    RateLimitFields.add(usage, to: &problem.headers)
    problem.quota = QuotaViolation(
      dimension: dimension,
      violated: Dimension.allCases.filter { dimension in
        usage.remaining(dimension).map { charge[dimension] > $0 } ?? false
      },
      asked: charge[dimension], usage: usage)
    return problem
  }
}

/// The monthly limits that a charge exceeds.
struct QuotaViolation: Sendable {
  /// The first of them.
  let dimension: Dimension
  /// All of them, as `RateLimit-Policy` names them.
  let violated: [Dimension]
  let asked: Int64
  let usage: KeyUsageSnapshot
}

extension JSONObjectWriter {
  /// The members that contract §5 adds for an exceeded limit.
  mutating func quota(_ violation: QuotaViolation) {
    member("violated-policies", violation.violated.map(\.rawValue))
    member("dimension", violation.dimension.rawValue)
    member("limit", violation.usage.limits[violation.dimension])
    member("used", violation.usage.used[violation.dimension])
    member("asked", violation.asked)
    member("resets_at", PeriodText.of(violation.usage).resetsAt)
  }
}
