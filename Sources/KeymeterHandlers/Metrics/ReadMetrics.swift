import HTTPTypes
import Hummingbird

/// `GET /metrics`: what was measured, in Prometheus' text format (contract §7).
struct ReadMetrics: Sendable {
  let text: @Sendable () -> String

  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// Answers everyone: nothing in it is a client's or a tenant's own.
  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    Response(
      status: .ok, headers: [.contentType: Self.contentType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: .init(string: text())))
  }
}
