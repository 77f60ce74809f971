import Hummingbird
import Logging

/// Whether this node can do its work at present.
public enum Readiness: Sendable, Equatable {
  case ready
  /// `reason` is a word or two for whoever runs the service; it names no row and no secret.
  case notReady(reason: String)
}

/// `GET /health/live` (the process answers) and `GET /health/ready` (the database answers and its schema is
/// the right one).
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
