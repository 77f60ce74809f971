import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
  /// An answer whose body is JSON that nobody may keep: what it says holds for one caller at one moment.
  static func json(
    _ status: HTTPResponse.Status = .ok, contentType: String = "application/json",
    _ write: (inout JSONObjectWriter) -> Void
  ) -> Response {
    var writer = JSONWriter(reservingCapacity: 512)
    writer.object(write)
    return Response(
      status: status, headers: [.contentType: contentType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
  }
}
