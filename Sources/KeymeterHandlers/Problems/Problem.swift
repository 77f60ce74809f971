import HTTPTypes
import Hummingbird
import KeymeterDomain

/// An error as RFC 9457 has it, with the members that contract §3 adds.
///
/// A handler throws one where only it knows what the answer needs.
struct Problem: Error {
  let status: HTTPResponse.Status
  /// The sentence of the dialect's published reference.
  let title: String
  /// What to do about it, or what it means.
  let detail: String
  /// Stable, snake_case: what programs match on.
  let code: String
  var violations: [FieldViolation] = []
  var headers: HTTPFields = [:]
  /// Where a registered type says more than our own.
  var type: String?
  /// The members that a quota's violation adds.
  var quota: QuotaViolation?

  func response(requestID: RequestID) -> Response { answer(requestID: requestID).response }

  /// The problem as an answer, which names the request in its body; a header for that is the caller's to add.
  func answer(requestID: RequestID) -> BufferedResponse {
    var answer = BufferedResponse.json(status, contentType: "application/problem+json") { problem in
      problem.member("type", type ?? "urn:keymeter:problem:\(code)")
      problem.member("title", title)
      problem.member("status", status.code)
      problem.member("detail", detail)
      problem.member("code", code)
      problem.member("request_id", requestID.rawValue)
      if let quota { problem.quota(quota) }
      if status == .badRequest {
        problem.errors(violations)
      }
    }
    for field in headers { answer.head.headerFields.append(field) }
    return answer
  }

  /// `field message`, joined, for the detail of a 400.
  static func sentence(of violations: [FieldViolation], subject: String) -> String {
    violations.map { violation in
      "\(violation.field.isEmpty ? subject : violation.field) \(violation.message)"
    }.joined(separator: "; ") + "."
  }
}

extension Problem {
  /// 401: the dialects differ in what they say of it.
  static func authenticationFailed(_ detail: String) -> Problem {
    Problem(
      status: .unauthorized, title: "API key authentication failed.", detail: detail,
      code: "authentication_failed", headers: [.wwwAuthenticate: "ApiKey realm=\"keymeter\""])
  }

  static let pathNotFound = Problem(
    status: .notFound, title: "Path was not found.", detail: "There is nothing at this path.",
    code: "path_not_found")

  static let unknownTarget = Problem(
    status: .badRequest, title: "Request target is invalid.",
    detail: "Ask for a path, which begins with a slash, or for an http or https URL.", code: "invalid_target",
    violations: [FieldViolation(field: "", message: "is neither a path nor an http or https URL")])

  static func methodNotAllowed(allowed: [HTTPRequest.Method]) -> Problem {
    let allow = allowed.map(\.rawValue).joined(separator: ", ")
    return Problem(
      status: .methodNotAllowed, title: "Method is not allowed.", detail: "This path answers \(allow).",
      code: "method_not_allowed", headers: [.allow: allow])
  }

  static let contentTooLarge = Problem(
    status: .contentTooLarge, title: "Request body is too large.",
    detail: "A body may have at most \(JSONBody.largest) bytes.", code: "body_too_large")

  static let unsupportedMediaType = Problem(
    status: .unsupportedMediaType, title: "Request body is not JSON.",
    detail: "Send the body as Content-Type: application/json.", code: "unsupported_media_type")

  /// 429, unless a gateway can't take it.
  static func tooManyFailures(
    _ refusal: TooManyAuthFailures, status: HTTPResponse.Status = .tooManyRequests
  ) -> Problem {
    Problem(
      status: status, title: "Too many failed authentications.",
      detail: "Too many requests from this address had no valid API key, so this one was not looked at. "
        + "Try again later.",
      code: "too_many_failures",
      headers: [.retryAfter: String(refusal.seconds), .reason: "too_many_failures"])
  }

  static let unavailable = Problem(
    status: .serviceUnavailable, title: "Service is temporarily unavailable.",
    detail:
      "The key store can't be reached. Whether the request took effect may be unknown; try again shortly.",
    code: "unavailable", headers: [.retryAfter: "1"])
}

extension JSONObjectWriter {
  /// `errors`: what is wrong, field by field.
  mutating func errors(_ violations: [FieldViolation]) {
    array("errors") { errors in
      for violation in violations {
        errors.object { error in
          error.member("field", violation.field)
          error.member("message", violation.message)
        }
      }
    }
  }
}
