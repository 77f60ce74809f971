import Hummingbird
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Logging
import NIOCore
import PrometheusMetrics
import Testing

@testable import KeymeterHandlers

/// A service whose metrics and log lines can be read.
struct MeasuredService: Sendable {
  let service: Service
  let registry = PrometheusRegistry(MetricCatalogue.all)
  let log: RecordedLog
  private let responder: KeymeterResponder

  /// - Parameters:
  ///   - limit: failed authentications per minute and address.
  ///   - level: the lowest level that is logged.
  init(limit: Int? = nil, level: Logger.Level = .info) async throws {
    let service = try await Service()
    let registry = registry
    self.service = service
    log = RecordedLog(level)
    responder = KeymeterRouter(
      keys: service.keys, usage: service.usage,
      limiter: AuthFailureLimiter(
        proxies: TrustedProxies([]),
        limiter: limit.map { FailureRateLimiter(failuresPerMinute: $0, capacity: 64) },
        metrics: AuthFailureMetrics(factory: registry)),
      metrics: ServiceMetrics(factory: registry) { registry.text() }, readiness: { .notReady(reason: "test") }
    ).responder()
  }

  var scrape: Scrape { Scrape(registry.text()) }

  /// Sends a call from an address.
  func send(
    _ call: Call, from address: String = "192.0.2.1", sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Answer {
    let log = log
    let application = Application(
      responder: FromPeer(keymeter: responder, peer: try SocketAddress(ipAddress: address, port: 1)),
      logger: Logger(label: "test") { _ in log.handler })
    return try await application.test(.router) { client in
      try await client.answer(to: call, sourceLocation: sourceLocation)
    }
  }

  /// Sends a call and returns the counters that changed, with their increase.
  func moved(
    by call: Call, status: Int, from address: String = "192.0.2.1",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> [String: Double] {
    let before = scrape
    let answer = try await send(call, from: address, sourceLocation: sourceLocation)
    #expect(answer.status == status, sourceLocation: sourceLocation)
    return scrape.counts(since: before)
  }
}
