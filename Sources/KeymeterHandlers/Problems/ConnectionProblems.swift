import HTTPTypes
import KeymeterDomain
import NIOCore

/// Responses to input that never became a request.
///
/// The connection closes after each of them, because the start of the next request is unknown.
extension BufferedResponse {
  /// 400: the input is not HTTP/1.1.
  public static var malformedRequest: BufferedResponse {
    closing(
      Problem(
        status: .badRequest, title: "Request is malformed.", detail: "The input is not HTTP/1.1.",
        code: "malformed_request",
        violations: [FieldViolation(field: "", message: "is not an HTTP/1.1 request")]))
  }

  /// 431: there are too many header fields, or they are too long.
  public static var headersTooLarge: BufferedResponse {
    closing(
      Problem(
        status: .requestHeaderFieldsTooLarge, title: "Request headers are too large.",
        detail: "The request line and the headers exceed the limits of this server.",
        code: "headers_too_large"))
  }

  /// 408: the request did not arrive completely in time.
  public static var requestTimeout: BufferedResponse {
    closing(
      Problem(
        status: .requestTimeout, title: "Request took too long.",
        detail: "The request did not arrive completely within the request timeout.", code: "request_timeout"))
  }

  /// 503: the server is at its connection limit.
  public static var tooManyConnections: BufferedResponse {
    closing(
      Problem(
        status: .serviceUnavailable, title: "Service is temporarily unavailable.",
        detail: "This server has reached its connection limit. Try again shortly.",
        code: "too_many_connections", headers: [.retryAfter: "1"]))
  }

  private static func closing(_ problem: Problem) -> BufferedResponse {
    let requestID = RequestIDSource.shared.next()
    var response = problem.response(requestID: requestID).withRequestID(requestID)
    response.head.headerFields[.connection] = "close"
    response.head.headerFields[.contentLength] = String(response.body.readableBytes)
    return response
  }
}
