import Hummingbird
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import MetricsTestKit
import NIOCore
import Testing

@testable import KeymeterHandlers

/// A service that limits failed authentications and takes requests from any address.
struct WatchedService: Sendable {
  let service: Service
  let clock = SteppingClock()
  let metrics = TestMetrics()
  let log = LoggedIDs()
  let watch: AuthFailureLimiter

  /// - Parameter limit: failures per minute, or `nil` for no limit.
  init(
    limit: Int? = 3, proxies: TrustedProxies = .undeclared, gitHub: GitHubSigner? = nil
  ) async throws {
    service = try await Service(gitHub: gitHub)
    let clock = clock
    watch = AuthFailureLimiter(
      proxies: proxies,
      limiter: limit.map { limit in
        FailureRateLimiter(failuresPerMinute: limit, capacity: 64) { clock.now }
      },
      metrics: AuthFailureMetrics(factory: metrics))
  }

  /// Sends a call over a connection from `address`, or from an unknown address if `nil`.
  func ask(
    _ call: Call, from address: String? = "192.0.2.1", forwardedFor: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Answer {
    var call = call
    for line in forwardedFor { call = call.adding(.forwardedForHeader, line) }
    let peer =
      try address.map { try SocketAddress(ipAddress: $0, port: 1) }
      ?? SocketAddress(unixDomainSocketPath: "/nowhere")
    let router = KeymeterRouter(
      keys: service.keys, usage: service.usage, leaks: service.leaks, limiter: watch,
      readiness: { .ready })
    let application = Application(
      responder: FromPeer(keymeter: router.responder(), peer: peer), logger: log.logger)
    let sent = call
    return try await application.test(.router) { client in
      try await client.answer(to: sent, sourceLocation: sourceLocation)
    }
  }

  /// The number of failed authentications with this reason.
  func failures(_ reason: String, counted: String) throws -> Int64 {
    try metrics.expectCounter(
      "keymeter_authentication_failures_total", [("reason", reason), ("counted", counted)]
    ).totalValue
  }
}

/// Makes every request come from one peer.
struct FromPeer: HTTPResponder {
  let keymeter: KeymeterResponder
  let peer: SocketAddress

  func respond(to request: Request, context: KeymeterRequestContext) async throws -> Response {
    var context = context
    context.peer = peer
    return try await keymeter.respond(to: request, context: context)
  }
}
