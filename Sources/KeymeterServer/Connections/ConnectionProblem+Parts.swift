import HTTPTypes
import KeymeterHandlers
import NIOCore
import NIOHTTP1

extension ConnectionProblem {
  /// The response as parts for the HTTP encoder.
  var parts: [HTTPServerResponsePart] {
    let fields = headers.map { ($0.name.canonicalName, $0.value) }
    let head = HTTPResponseHead(
      version: .http1_1, status: .init(statusCode: status.code), headers: HTTPHeaders(fields))
    return [.head(head), .body(.byteBuffer(body)), .end(nil)]
  }
}
