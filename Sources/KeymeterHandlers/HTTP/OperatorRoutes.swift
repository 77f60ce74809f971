import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Whether this node can serve requests.
public enum Readiness: Sendable, Equatable {
  case ready
  /// `reason` is a word or two for operators. It must name no row and no secret.
  case notReady(reason: String)
}

/// `GET /health/live`: the process answers.
///
/// `GET /health/ready`: the database answers and its schema fits.
struct HealthRoutes: Sendable {
  let readiness: @Sendable () async -> Readiness

  @Sendable func live(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    .json { $0.member("status", "live") }
  }

  @Sendable func ready(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    switch await readiness() {
    case .ready:
      return .json { $0.member("status", "ready") }
    case .notReady(let reason):
      context.logger.warning("not ready", metadata: ["reason": .string(reason)])
      var response = Response.json(.serviceUnavailable) { object in
        object.member("status", "not_ready")
        object.member("reason", reason)
      }
      response.headers[.retryAfter] = "1"
      return response
    }
  }
}

/// `GET /openapi.json`: the API's description, compiled into the binary (contract §7).
enum OpenAPIDocument {
  private static let bytes = ByteBuffer(string: EmbeddedOpenAPI.text)

  @Sendable static func respond(
    _ request: Request, _ context: KeymeterRequestContext
  ) async throws -> Response {
    Response(
      status: .ok,
      // The document changes only with a release. Five minutes keep a cache from serving an old one for long.
      headers: [.contentType: "application/json", .cacheControl: "public, max-age=300"],
      body: ResponseBody(byteBuffer: bytes))
  }
}

/// `GET /metrics`: the metrics in Prometheus' text format (contract §7).
///
/// It needs no credentials, because no metric names a client or a tenant.
struct ReadMetrics: Sendable {
  let text: @Sendable () -> String

  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    Response(
      status: .ok, headers: [.contentType: Self.contentType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text())))
  }
}
