import HTTPTypes
import KeymeterDomain

/// An RFC 9457 problem with the members that contract §3 adds.
///
/// A handler throws one where the domain's errors carry too little to build it.
struct Problem: Error {
  let status: HTTPResponse.Status
  let title: String
  let detail: String
  /// The stable, snake_case value that clients match on.
  let code: String
  var violations: [FieldViolation] = []
  var headers: HTTPFields = [:]
  /// A registered problem type that is more specific than `urn:keymeter:problem:code`.
  var type: String?
  /// The extra members of an exceeded monthly limit.
  var quota: QuotaViolation?

  /// The problem as `application/problem+json`.
  ///
  /// The caller adds the `X-Request-Id` header.
  func response(requestID: RequestID) -> BufferedResponse {
    var response = BufferedResponse.json(status, contentType: "application/problem+json") { problem in
      problem.member("type", type ?? "urn:keymeter:problem:\(code)")
      problem.member("title", title)
      problem.member("status", status.code)
      problem.member("detail", detail)
      problem.member("code", code)
      problem.member("request_id", requestID.rawValue)
      if let quota { problem.quota(quota) }
      if status == .badRequest { problem.errors(violations) }
    }
    response.head.headerFields.append(contentsOf: headers)
    return response
  }

  /// Joins violations to one sentence.
  ///
  /// - Parameter subject: stands for a violation without a field.
  static func sentence(of violations: [FieldViolation], subject: String) -> String {
    violations.map { "\($0.field.isEmpty ? subject : $0.field) \($0.message)" }.joined(separator: "; ") + "."
  }
}

extension Problem: ProblemConvertible {
  var problem: Problem { self }
}

extension JSONObjectWriter {
  /// Writes `errors`, one element per violation.
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

extension Problem {
  static func badRequest(
    _ title: String, _ code: String, _ violations: [FieldViolation], subject: String
  ) -> Problem {
    Problem(
      status: .badRequest, title: title, detail: sentence(of: violations, subject: subject), code: code,
      violations: violations)
  }

  /// - Parameter reason: the value of `X-Keymeter-Reason`, which gateways read.
  static func authenticationFailed(_ detail: String, reason: String? = nil) -> Problem {
    var problem = Problem(
      status: .unauthorized, title: "API key authentication failed.", detail: detail,
      code: "authentication_failed", headers: [.wwwAuthenticate: "ApiKey realm=\"keymeter\""])
    problem.headers[.reason] = reason
    return problem
  }

  static func forbidden(_ title: String, _ detail: String, _ code: String) -> Problem {
    Problem(status: .forbidden, title: title, detail: detail, code: code)
  }

  static func conflict(_ title: String, _ detail: String, _ code: String) -> Problem {
    Problem(status: .conflict, title: title, detail: detail, code: code)
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
      status: .methodNotAllowed, title: "Method is not allowed.", detail: "This path allows \(allow).",
      code: "method_not_allowed", headers: [.allow: allow])
  }

  static let unavailable = Problem(
    status: .serviceUnavailable, title: "Service is temporarily unavailable.",
    detail:
      "The key store can't be reached. The request may or may not have taken effect. Try again shortly.",
    code: "unavailable", headers: [.retryAfter: "1"])

  static let internalError = Problem(
    status: .internalServerError, title: "Unexpected server failure.",
    detail: "The request failed. The server's log has the reason.", code: "internal_error")

  static let creationFailed = Problem(
    status: .internalServerError, title: "API key creation failed.",
    detail: "The key was not created. The server's log has the reason.", code: "creation_failed")
}
