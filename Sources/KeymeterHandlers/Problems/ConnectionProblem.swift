public import HTTPTypes
public import NIOCore

/// An answer to what never became a request that a route could answer.
///
/// It has the form of every other problem, and is followed by the end of the connection, because nobody knows where
/// the next request would begin.
public struct ConnectionProblem: Sendable {
  /// The answer's status.
  public let status: HTTPResponse.Status
  /// The answer's header fields, `Content-Length` included.
  public let headers: HTTPFields
  /// The answer's body.
  public let body: ByteBuffer

  private init(_ problem: Problem) {
    let requestID = RequestIDSource.shared.next()
    let answer = problem.answer(requestID: requestID).named(requestID)
    var headers = answer.head.headerFields
    headers[.connection] = "close"
    headers[.contentLength] = String(answer.body.readableBytes)
    status = problem.status
    self.headers = headers
    body = answer.body
  }

  /// What was sent is no HTTP/1.1.
  public static var malformedRequest: ConnectionProblem {
    ConnectionProblem(
      Problem(
        status: .badRequest, title: "Request is malformed.", detail: "What was sent is not HTTP/1.1.",
        code: "malformed_request",
        violations: [FieldViolation(field: "", message: "is not an HTTP/1.1 request")]))
  }

  /// The header fields are too many, or too long.
  public static var headersTooLarge: ConnectionProblem {
    ConnectionProblem(
      Problem(
        status: .requestHeaderFieldsTooLarge, title: "Request headers are too large.",
        detail: "The request's line and header fields are longer, or more, than this server reads.",
        code: "headers_too_large"))
  }

  /// The request did not arrive whole in time.
  public static var requestTimeout: ConnectionProblem {
    ConnectionProblem(
      Problem(
        status: .requestTimeout, title: "Request took too long.",
        detail: "The request did not arrive whole within the time that this server waits for one.",
        code: "request_timeout"))
  }

  /// The server has as many connections as it may have.
  public static var tooManyConnections: ConnectionProblem {
    ConnectionProblem(
      Problem(
        status: .serviceUnavailable, title: "Service is temporarily unavailable.",
        detail: "This server has as many connections as it may have; try again shortly.",
        code: "too_many_connections", headers: [.retryAfter: "1"]))
  }
}
