import Hummingbird
import KeymeterDomain
import Logging
import NIOCore

/// Measures and logs the requests of one route.
struct MetricsMiddleware: Sendable {
  private let metrics: RouteMetrics
  private let level: Logger.Level

  /// - Parameter level: the log level of its requests.
  init(_ metrics: RouteMetrics, logged level: Logger.Level) {
    self.metrics = metrics
    self.level = level
  }

  /// Wraps a handler so that its responses are counted, timed and logged.
  func observing(_ handler: @escaping RouteHandler) -> RouteHandler {
    { request, context in
      let begun = NIODeadline.now()
      do {
        let response = try await handler(request, context)
        ended(response.status.code, since: begun, context.caller.identity, logger: context.logger)
        return response
      } catch {
        // Hummingbird responds to errors that no problem mapper handles.
        let status = (error as? any HTTPResponseError)?.status.code ?? 500
        ended(status, since: begun, context.caller.identity, logger: context.logger)
        throw error
      }
    }
  }

  /// Records a response.
  ///
  /// - Parameter caller: the caller, where it is known. It is evaluated only if the request is logged.
  func ended(
    _ status: Int, since begun: NIODeadline, _ caller: @autoclosure () -> CallerIdentity?,
    logger: @autoclosure () -> Logger
  ) {
    let time = (NIODeadline.now() - begun).nanoseconds
    metrics.answered(status, after: time)
    let logger = logger()
    guard logger.logLevel <= level else { return }
    RequestLog.answered(
      (metrics.route, metrics.method), status, after: time, caller(), at: level, to: logger)
  }
}
