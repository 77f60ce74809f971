import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging

/// The Scrubbe dialect's one mapper from errors to problems, which it tells in its own envelope.
///
/// What both dialects say alike comes from `ScrubsProblems`.
struct ScrubbeProblems: Sendable {
  private let common: ScrubsProblems

  static let standard = ScrubbeProblems(common: .standard)
  static let creating = ScrubbeProblems(common: .creating)

  /// Runs a handler and answers its error.
  func answering(_ handler: @escaping RouteHandler) -> RouteHandler {
    { request, context in
      do {
        return try await handler(request, context)
      } catch {
        return problem(for: error, logger: context.logger).scrubbeResponse(requestID: context.requestID)
      }
    }
  }

  func problem(for error: any Error, logger: Logger) -> Problem {
    switch error {
    case Rejection.credentialsMissing: .authenticationFailed("The header X-API-Key is required, once.")
    case Rejection.notAuthentic: .authenticationFailed("The API key is not an active key.")
    case Rejection.beyondOwnAuthority(let excesses): Self.beyondOwnAuthority(excesses)
    case let failure as ValidationFailure:
      common.problem(for: RequestRejection.invalidBody(failure.scrubbeViolations), logger: logger)
    default: common.problem(for: error, logger: logger)
    }
  }

  /// A scope that was asked for, word by word as far as its words may be told.
  private static func named(_ scope: Scope) -> String {
    scope.rawValue.split(separator: ":").map { $0 == "*" ? "*" : RedactedName.of(String($0)) }
      .joined(separator: ":")
  }

  private static func beyondOwnAuthority(_ excesses: [EscalationViolation]) -> Problem {
    let violations = excesses.map { excess in
      switch excess {
      case .environment:
        FieldViolation(field: "environment", message: "is not the calling key's own")
      case .scope(let scope):
        FieldViolation(
          field: "scopes", message: "include \(named(scope)), which the calling key does not hold")
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
      detail: "A key can't grant or manage what goes beyond itself: "
        + Problem.sentence(of: violations, subject: "The key"),
      code: "beyond_own_authority", violations: violations)
  }
}

extension Dimension {
  /// The dialect's name for its limit.
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
