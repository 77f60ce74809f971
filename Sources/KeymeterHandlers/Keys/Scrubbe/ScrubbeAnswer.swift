import HTTPTypes
import Hummingbird
import KeymeterDomain

/// The Scrubbe dialect's envelope (contract §4).
enum ScrubbeAnswer {
  /// Where the dialect lives.
  static let basePath = "/api/v1/apikey"

  /// Whether a path is the dialect's, served or not: what is wrong there is told in its envelope.
  static func covers(path: String) -> Bool {
    let segments = path.split(separator: "/", omittingEmptySubsequences: true)
    return segments.starts(with: basePath.split(separator: "/"))
  }

  /// `{"success":true,"message":…}` and what `body` adds, which begins with `data`.
  static func success(
    _ message: String, status: HTTPResponse.Status = .ok, _ body: (inout JSONObjectWriter) -> Void
  ) -> Response {
    .json(status) { envelope(&$0, message, body) }
  }

  /// The answer that shows a new value this once, and may be kept to be given again.
  static func issued(
    _ message: String, _ issued: IssuedKey, status: HTTPResponse.Status = .ok
  ) -> StoredResponse {
    .json(status) { answer in
      envelope(&answer, message) { answer in
        answer.object("data") { $0.scrubbeMetadata(issued.key, secret: issued.secret) }
      }
    }
  }

  private static func envelope(
    _ answer: inout JSONObjectWriter, _ message: String, _ body: (inout JSONObjectWriter) -> Void
  ) {
    answer.member("success", true)
    answer.member("message", message)
    body(&answer)
  }
}

extension Problem {
  /// The error in the dialect's envelope; `errors` is always an array.
  func scrubbeResponse(requestID: RequestID) -> Response {
    var response = Response.json(status) { answer in
      answer.member("success", false)
      answer.member("message", detail)
      answer.errors(violations)
      answer.member("code", code)
      answer.member("requestId", requestID.rawValue)
    }
    for field in headers { response.headers.append(field) }
    return response
  }
}
