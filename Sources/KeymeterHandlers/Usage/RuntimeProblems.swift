import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging

/// The runtime API's one mapper from errors to problems.
enum RuntimeProblems {
  /// Runs a handler and answers its error.
  static func answering(_ handler: @escaping RouteHandler) -> RouteHandler {
    { request, context in
      do {
        return try await handler(request, context)
      } catch {
        return problem(for: error, logger: context.logger).response(requestID: context.requestID)
      }
    }
  }

  static func problem(for error: any Error, logger: Logger) -> Problem {
    switch error {
    case Rejection.credentialsMissing: unauthenticated("credentials_missing")
    case Rejection.notAuthentic: unauthenticated("unknown_key")
    case Rejection.unknownProvider: unauthenticated("unknown_provider")
    case Rejection.keyOfAnotherOrganisation:
      Problem(
        status: .forbidden, title: "Not permitted.", detail: "The key belongs to another organisation.",
        code: "key_of_another_organisation")
    case let error as AdmissionRejectedError:
      AdmissionProblems(charge: error.charge, overLimitStatus: .tooManyRequests)
        .problem(for: error.refusal, error.key)
    case let refusal as UsageRejection: problem(for: refusal)
    case let problem as Problem: problem
    default: ScrubsProblems.standard.problem(for: error, logger: logger)
    }
  }

  private static func problem(for refusal: UsageRejection) -> Problem {
    switch refusal {
    case .reservationNotFound:
      Problem(
        status: .notFound, title: "Reservation was not found.",
        detail: "The key has no reservation with this id.",
        code: "reservation_not_found")
    case .reservationExpired:
      conflict(
        "The reservation has expired.", "Nothing was changed. Report the usage afterwards instead.",
        "reservation_expired")
    case .settledOtherwise:
      conflict(
        "The reservation is settled already.", "It was settled with other amounts, which stand.",
        "settled_otherwise")
    case .eventDiffers:
      conflict(
        "The event is recorded already.",
        "It was recorded by another key or with other amounts, which stand.",
        "event_differs")
    case .counterFull:
      conflict(
        "The counter is full.", "The month's counter can't hold so much. Nothing was changed.",
        "counter_full")
    }
  }

  private static func conflict(_ title: String, _ detail: String, _ code: String) -> Problem {
    Problem(status: .conflict, title: title, detail: detail, code: code)
  }

  /// 401 whatever is wrong with the credentials, the provider id included: a gateway knows no other status for it.
  static func unauthenticated(_ reason: String) -> Problem {
    var problem = Problem.authenticationFailed("The request does not carry an active API key.")
    problem.headers[.reason] = reason
    return problem
  }
}
