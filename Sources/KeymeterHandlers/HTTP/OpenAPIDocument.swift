import HTTPTypes
import Hummingbird
import NIOCore

/// `GET /openapi.json`: the description of this API, as the binary carries it (contract §7).
enum OpenAPIDocument {
  private static let bytes = ByteBuffer(string: EmbeddedOpenAPI.text)

  /// Answers the document, to everyone: it holds nothing that is anybody's own.
  @Sendable static func respond(
    _ request: Request, _ context: KeymeterRequestContext
  ) async throws -> Response {
    Response(
      status: .ok,
      // It changes with the release only; the minutes keep an upgrade from being hidden for long.
      headers: [.contentType: "application/json", .cacheControl: "public, max-age=300"],
      body: ResponseBody(byteBuffer: bytes))
  }
}
