import HTTPTypes
import KeymeterDomain

/// What a request that was not admitted is answered.
struct AdmissionProblems {
  let charge: Amounts
  /// 429, unless the gateway can't take it.
  let overLimitStatus: HTTPResponse.Status

  func problem(for refusal: AdmissionRejection, _ standing: KeyUsageSnapshot?) -> Problem {
    switch refusal {
    case .unknownProvider: RuntimeProblems.unauthenticated("unknown_provider")
    case .unknownKey: RuntimeProblems.unauthenticated("unknown_key")
    case .revoked: RuntimeProblems.unauthenticated("revoked")
    case .expired: RuntimeProblems.unauthenticated("expired")
    case .addressNotAllowed:
      // Whoever uses a key from elsewhere is told nothing of its limits.
      forbidden(
        "address_not_allowed", "The key may not be used from the address that this call comes from.", nil)
    case .environmentMismatch:
      forbidden("environment_mismatch", "The key is of another environment than this call needs.", standing)
    case .scopeMissing:
      forbidden("scope_missing", "The key lacks a scope that this call needs.", standing)
    case .overLimit(let dimension): overLimit(dimension, standing)
    }
  }

  private func forbidden(_ reason: String, _ detail: String, _ standing: KeyUsageSnapshot?) -> Problem {
    var problem = Problem(status: .forbidden, title: "Not permitted.", detail: detail, code: reason)
    problem.headers[.reason] = reason
    if let standing { RateLimitFields.add(standing, to: &problem.headers) }
    return problem
  }

  private func overLimit(_ dimension: Dimension, _ standing: KeyUsageSnapshot?) -> Problem {
    var problem = Problem(
      status: overLimitStatus, title: "Quota exceeded.",
      detail: "The key's monthly limit of \(dimension.rawValue) leaves less than was asked.",
      code: "quota_exceeded",
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded")
    problem.headers[.reason] = "over_limit"
    guard let standing else { return problem }
    problem.headers[.retryAfter] = String(PeriodText.of(standing).secondsLeft(standing))
    RateLimitFields.add(standing, to: &problem.headers)
    problem.quota = QuotaViolation(
      dimension: dimension, violated: Dimension.allCases.filter { exceeds($0, standing) },
      asked: charge[dimension], standing: standing)
    return problem
  }

  private func exceeds(_ dimension: Dimension, _ standing: KeyUsageSnapshot) -> Bool {
    standing.remaining(dimension).map { charge[dimension] > $0 } ?? false
  }
}

/// Which limit a request ran into, and by how much.
struct QuotaViolation: Sendable {
  /// The first one.
  let dimension: Dimension
  /// All of them, as `RateLimit-Policy` names them.
  let violated: [Dimension]
  let asked: Int64
  let standing: KeyUsageSnapshot
}

extension JSONObjectWriter {
  /// The members of a quota's violation (contract §5).
  mutating func quota(_ violation: QuotaViolation) {
    member("violated-policies", violation.violated.map(\.rawValue))
    member("dimension", violation.dimension.rawValue)
    member("limit", violation.standing.limits[violation.dimension])
    member("used", violation.standing.used[violation.dimension])
    member("asked", violation.asked)
    member("resets_at", PeriodText.of(violation.standing).resetsAt)
  }
}
