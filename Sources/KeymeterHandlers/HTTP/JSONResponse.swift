import HTTPTypes
import Hummingbird

extension Response {
  /// An answer whose body is JSON that nobody may keep: what it says holds for one caller at one moment.
  static func json(
    _ status: HTTPResponse.Status = .ok, contentType: String = "application/json",
    _ write: (inout JSONObjectWriter) -> Void
  ) -> Response {
    BufferedResponse.json(status, contentType: contentType, write).response
  }
}
