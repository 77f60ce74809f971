public import HTTPTypes
import Hummingbird
import KeymeterDomain
public import NIOCore

/// An answer with its body in memory.
///
/// Its length and date are added where it goes to the wire.
public struct BufferedResponse: Sendable {
  /// Status and headers.
  public var head: HTTPResponse
  /// The body; a request with the method HEAD is answered without it.
  public let body: ByteBuffer

  /// A body of JSON that nobody may keep: what it says holds for one caller at one moment.
  static func json(
    _ status: HTTPResponse.Status = .ok, contentType: String = "application/json",
    _ write: (inout JSONObjectWriter) -> Void
  ) -> BufferedResponse {
    var writer = JSONWriter(reservingCapacity: 512)
    writer.object(write)
    var headers = HTTPFields()
    headers.reserveCapacity(16)
    headers.append(HTTPField(name: .contentType, value: contentType))
    headers.append(HTTPField(name: .cacheControl, value: "no-store"))
    return BufferedResponse(
      head: HTTPResponse(status: status, headerFields: headers), body: ByteBuffer(bytes: writer.bytes))
  }

  /// The same for the application.
  var response: Response {
    Response(status: head.status, headers: head.headerFields, body: ResponseBody(byteBuffer: body))
  }

  func named(_ requestID: RequestID) -> BufferedResponse {
    var answer = self
    answer.head.headerFields.append(HTTPField(name: .requestID, value: requestID.rawValue))
    return answer
  }
}
