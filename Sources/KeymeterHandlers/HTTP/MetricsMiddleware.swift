import Hummingbird
import KeymeterDomain
import Logging
import NIOCore

/// One route as it is measured and logged.
struct MetricsMiddleware: Sendable {
  private let metrics: RouteMetrics
  private let level: Logger.Level

  /// - Parameter level: at which its requests are logged.
  init(_ metrics: RouteMetrics, logged level: Logger.Level) {
    self.metrics = metrics
    self.level = level
  }

  /// The same handler, each of whose answers is counted, timed and logged.
  func observing(_ handler: @escaping RouteHandler) -> RouteHandler {
    { request, context in
      let begun = NIODeadline.now()
      do {
        let response = try await handler(request, context)
        ended(response.status.code, since: begun, context.caller.identity, logger: context.logger)
        return response
      } catch {
        // What no mapper of errors has taken, Hummingbird answers.
        let status = (error as? any HTTPResponseError)?.status.code ?? 500
        ended(status, since: begun, context.caller.identity, logger: context.logger)
        throw error
      }
    }
  }

  /// Notes an answer.
  ///
  /// - Parameter caller: whose key it was, where that is known; asked for only where it is logged.
  func ended(
    _ status: Int, since begun: NIODeadline,
    _ caller: @autoclosure () -> CallerIdentity?,
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
