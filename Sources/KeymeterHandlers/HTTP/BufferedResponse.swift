public import HTTPTypes
import Hummingbird
import KeymeterDomain
public import NIOCore

/// A response whose body is in memory.
///
/// `Content-Length` and `Date` are added when it is written to the connection.
public struct BufferedResponse: Sendable {
  /// Status and headers.
  public var head: HTTPResponse
  /// The body.
  ///
  /// The response to a HEAD request is sent without it.
  public let body: ByteBuffer
  /// Whether it answers an earlier request with the same `Idempotency-Key`.
  public var replayed = false

  init(status: HTTPResponse.Status, headers: HTTPFields, body: ByteBuffer) {
    head = HTTPResponse(status: status, headerFields: headers)
    self.body = body
  }

  /// A JSON response that must not be cached, because it holds for one caller at one moment.
  ///
  /// - Parameter usage: the key's facts and limits, repeated in headers for gateways.
  static func json(
    _ status: HTTPResponse.Status = .ok, contentType: String = "application/json",
    usage: KeyUsageSnapshot? = nil, _ write: (inout JSONObjectWriter) -> Void
  ) -> BufferedResponse {
    var writer = JSONWriter(reservingCapacity: 512)
    writer.object(write)
    var headers = HTTPFields()
    headers.reserveCapacity(16)
    headers.append(HTTPField(name: .contentType, value: contentType))
    headers.append(HTTPField(name: .cacheControl, value: "no-store"))
    if let usage { headers.add(usage) }
    return BufferedResponse(status: status, headers: headers, body: ByteBuffer(bytes: writer.bytes))
  }

  /// The response as Hummingbird takes it.
  var response: Response {
    var headers = head.headerFields
    if replayed { headers[.idempotencyReplayed] = "true" }
    return Response(status: head.status, headers: headers, body: ResponseBody(byteBuffer: body))
  }

  func withRequestID(_ requestID: RequestID) -> BufferedResponse {
    var response = self
    response.head.headerFields.append(HTTPField(name: .requestID, value: requestID.rawValue))
    return response
  }
}

extension Response {
  /// A JSON response that must not be cached.
  static func json(
    _ status: HTTPResponse.Status = .ok, usage: KeyUsageSnapshot? = nil,
    _ write: (inout JSONObjectWriter) -> Void
  ) -> Response {
    BufferedResponse.json(status, usage: usage, write).response
  }
}

/// Never shows headers or body: the body may hold a new secret.
extension BufferedResponse: CustomStringConvertible, CustomReflectable {
  /// The status and the size of the body.
  public var description: String { "\(head.status.code), \(body.readableBytes) bytes" }
  /// The status alone.
  public var customMirror: Mirror { Mirror(self, children: ["status": head.status.code]) }
}
