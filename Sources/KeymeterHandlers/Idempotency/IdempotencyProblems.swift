import HTTPTypes
import KeymeterDomain

extension Problem {
  /// What the sender of a request with an `Idempotency-Key` is told where it is neither carried out nor answered again.
  ///
  /// 409 passes, and so says when to try again; with 422 the same request never succeeds.
  init(_ refusal: IdempotencyRejection) {
    switch refusal {
    case .inFlight:
      self.init(
        status: .conflict, title: "A request with this Idempotency-Key is in flight.",
        detail: "The first answer is not there yet. Send the same request again shortly.",
        code: "idempotency_key_in_flight", headers: [.retryAfter: "1"])
    case .reused:
      self.init(
        status: .unprocessableContent, title: "The Idempotency-Key stands for another request.",
        detail:
          "It was used with another path or body. Nothing was done now; use a new one for a new request.",
        code: "idempotency_key_reused")
    case .unreadable:
      self.init(
        status: .unprocessableContent, title: "The first answer can't be given again.",
        detail: "It was sealed under another value of this API key, before a rotation. The request had its "
          + "effect then; nothing was done now.",
        code: "idempotency_answer_unreadable")
    }
  }

  static func headerInvalid(_ violations: [FieldViolation]) -> Problem {
    Problem(
      status: .badRequest, title: "Request header is invalid.",
      detail: sentence(of: violations, subject: "A header"), code: "header_invalid", violations: violations)
  }
}
