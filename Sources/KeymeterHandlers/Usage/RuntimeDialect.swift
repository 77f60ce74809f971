import HTTPTypes
import KeymeterDomain

extension Dialect {
  /// The runtime API: usage, analytics, audit and verify.
  ///
  /// Any fault of the credentials is a 401, an unknown provider included, because gateways pass on no other status
  /// for it.
  static let runtime = Dialect(
    problem: { error in
      switch error {
      case Rejection.credentialsMissing: unauthenticated("credentials_missing")
      case Rejection.notAuthentic: unauthenticated("unknown_key")
      case Rejection.unknownProvider: unauthenticated("unknown_provider")
      default: nil
      }
    },
    response: { $0.response(requestID: $1) })

  static func unauthenticated(_ reason: String) -> Problem {
    .authenticationFailed("The request does not carry an active API key.", reason: reason)
  }
}

extension UsageRejection: ProblemConvertible {
  var problem: Problem {
    switch self {
    case .reservationNotFound:
      Problem(
        status: .notFound, title: "Reservation was not found.",
        detail: "The key has no reservation with this id.",
        code: "reservation_not_found")
    case .reservationExpired:
      .conflict(
        "The reservation has expired.", "Nothing was changed. Record the usage instead.",
        "reservation_expired")
    case .settledOtherwise:
      .conflict(
        "The reservation is settled already.", "It was settled with other amounts, which stand.",
        "settled_otherwise")
    case .eventDiffers:
      .conflict(
        "The event is recorded already.",
        "It was recorded by another key or with other amounts, which stand.",
        "event_differs")
    case .counterFull:
      .conflict(
        "The counter is full.", "The month's counter would overflow. Nothing was changed.",
        "counter_full")
    }
  }
}
