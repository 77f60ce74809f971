public import HTTPTypes
import Hummingbird
import KeymeterDomain
public import NIOCore

/// An answer with its body in memory, as it goes to the wire.
public struct WholeAnswer: Sendable {
  /// Status and headers.
  public var head: HTTPResponse
  /// The body; a request with the method HEAD is answered without it.
  public let body: ByteBuffer

  /// A body of JSON that nobody may keep: what it says holds for one caller at one moment.
  static func json(
    _ status: HTTPResponse.Status = .ok, contentType: String = "application/json",
    _ write: (inout JSONObjectWriter) -> Void
  ) -> WholeAnswer {
    var writer = JSONWriter(reservingCapacity: 512)
    writer.object(write)
    var headers = HTTPFields()
    headers.reserveCapacity(16)
    headers.append(HTTPField(name: .contentType, value: contentType))
    headers.append(HTTPField(name: .cacheControl, value: "no-store"))
    headers.append(HTTPField(name: .contentLength, value: String(writer.bytes.count)))
    return WholeAnswer(
      head: HTTPResponse(status: status, headerFields: headers), body: ByteBuffer(bytes: writer.bytes))
  }

  /// The same for the application, which sets the length by itself.
  var response: Response {
    var headers = head.headerFields
    headers[.contentLength] = nil
    return Response(status: head.status, headers: headers, body: ResponseBody(byteBuffer: body))
  }

  func named(_ requestID: RequestID) -> WholeAnswer {
    var answer = self
    answer.head.headerFields.append(HTTPField(name: .requestID, value: requestID.rawValue))
    return answer
  }
}
