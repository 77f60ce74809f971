import HTTPTypes
import KeymeterDomain
import Logging

/// The runtime API's one mapper from errors to problems.
enum RuntimeProblems {
  static func problem(for error: any Error, logger: Logger) -> Problem {
    switch error {
    case Refusal.credentialsMissing: unauthenticated("credentials_missing")
    case Refusal.notAuthentic: unauthenticated("unknown_key")
    case Refusal.unknownProvider: unauthenticated("unknown_provider")
    default: ScrubsProblems.standard.problem(for: error, logger: logger)
    }
  }

  /// 401 whatever is wrong with the credentials, the provider id included: a gateway knows no other status for it.
  static func unauthenticated(_ reason: String) -> Problem {
    var problem = Problem(
      status: .unauthorized, title: "API key authentication failed.",
      detail: "The request does not carry an active API key.", code: "authentication_failed",
      headers: [.wwwAuthenticate: "ApiKey realm=\"keymeter\""])
    problem.headers[.reason] = reason
    return problem
  }
}
