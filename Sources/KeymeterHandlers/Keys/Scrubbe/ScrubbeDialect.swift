import HTTPTypes
import KeymeterDomain

extension Dialect {
  static let scrubbe = Dialect(
    problem: { error in
      switch error {
      case Rejection.credentialsMissing: .authenticationFailed("The header X-API-Key is required, once.")
      case Rejection.notAuthentic: .authenticationFailed("The API key is not an active key.")
      case Rejection.beyondOwnAuthority(let violations): beyondOwnAuthority(violations)
      case let failure as ValidationFailure: RequestRejection.invalidBody(failure.scrubbeViolations).problem
      default: nil
      }
    },
    response: { $0.scrubbeResponse(requestID: $1) })

  private static func beyondOwnAuthority(_ excesses: [EscalationViolation]) -> Problem {
    let violations = excesses.map { excess in
      switch excess {
      case .environment:
        FieldViolation(field: "environment", message: "is not the calling key's own")
      case .scope(let scope):
        FieldViolation(
          field: "scopes", message: "include \(redacted(scope)), which the calling key does not hold")
      case .limit(let dimension):
        FieldViolation(field: dimension.scrubbeLimit, message: "is above the calling key's own")
      case .expiry:
        FieldViolation(field: "expiresAt", message: "is later than the calling key's own")
      case .addresses:
        FieldViolation(field: "allowedCidrs", message: "go beyond the calling key's own")
      }
    }
    return Problem(
      status: .forbidden, title: "Not permitted.",
      detail: "A key can't grant or manage more than its own permissions: "
        + Problem.sentence(of: violations, subject: "The key"),
      code: "beyond_own_authority", violations: violations)
  }

  /// A requested scope.
  ///
  /// Parts that could be a misplaced secret are redacted.
  private static func redacted(_ scope: Scope) -> String {
    scope.rawValue.split(separator: ":").map { $0 == "*" ? "*" : RedactedName.of(String($0)) }
      .joined(separator: ":")
  }
}

extension Problem {
  /// The problem in the dialect's envelope, where `errors` is always an array.
  func scrubbeResponse(requestID: RequestID) -> BufferedResponse {
    var response = BufferedResponse.json(status) { envelope in
      envelope.member("success", false)
      envelope.member("message", detail)
      envelope.errors(violations)
      envelope.member("code", code)
      envelope.member("requestId", requestID.rawValue)
    }
    response.head.headerFields.append(contentsOf: headers)
    return response
  }
}

extension Dimension {
  /// The dialect's name for the dimension's limit.
  fileprivate var scrubbeLimit: String {
    switch self {
    case .requests: "usageLimit"
    case .tokens: "monthlyTokenLimit"
    case .speechSeconds: "monthlySttSecsLimit"
    }
  }
}

extension ValidationFailure {
  /// The domain names fields as the Scrubs dialect does.
  fileprivate var scrubbeViolations: [FieldViolation] {
    violations.map { violation in
      FieldViolation(
        field: violation.field == "expires_at" ? "expiresAt" : violation.field, message: violation.message)
    }
  }
}
