import HTTPTypes
import Hummingbird
import KeymeterDomain
import NIOCore

extension StoredResponse {
  /// An answer as `Response.json` makes it, but whole.
  ///
  /// - Parameter standing: whose facts stand in headers as well.
  static func json(
    _ status: HTTPResponse.Status, _ standing: KeyUsageSnapshot? = nil,
    _ write: (inout JSONObjectWriter) -> Void
  ) -> StoredResponse {
    var answer = BufferedResponse.json(status, write)
    if let standing { answer.head.headerFields.add(standing) }
    return StoredResponse(
      status: UInt16(clamping: status.code),
      fields: answer.head.headerFields.map { Field(name: $0.name.rawName, value: $0.value) },
      body: Array(buffer: answer.body))
  }

  /// The answer to be sent; one that is given again says so.
  var response: Response {
    var headers: HTTPFields = [:]
    for field in fields {
      if let name = HTTPField.Name(field.name) { headers.append(HTTPField(name: name, value: field.value)) }
    }
    if replayed { headers[.idempotencyReplayed] = "true" }
    return Response(
      status: HTTPResponse.Status(code: Int(status)), headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }
}
