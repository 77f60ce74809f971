import CoreMetrics
import PrometheusMetrics
import Synchronization

/// Counts and times the responses of one route.
///
/// All handles are created once, so that a response costs a few atomic additions. A status gets its series with its first
/// response. The statuses that alerts use have one from the start.
final class RouteMetrics: Sendable {
  let route: String
  let method: String
  private let factory: any MetricsFactory
  private let duration: Timer
  private let counters: [StatusCounter]

  /// - Parameters:
  ///   - route: the path's template, never a path.
  ///   - method: a method of the route, or `any`, never an arbitrary one from a client.
  init(route: String, method: String, factory: any MetricsFactory) {
    self.route = route
    self.method = method
    self.factory = factory
    duration = Timer(
      label: MetricCatalogue.answerDuration.name, dimensions: [("route", route), ("method", method)],
      factory: factory)
    counters = (0...Self.statuses.count).map { _ in StatusCounter() }
    for status in [500, 503] { _ = counter(of: status) }
  }

  /// Records a response.
  func answered(_ status: Int, after nanoseconds: Int64) {
    counter(of: status).increment()
    duration.recordNanoseconds(nanoseconds)
  }

  private func counter(of status: Int) -> Counter {
    let index = Self.statuses.firstIndex(of: status) ?? Self.statuses.count
    return counters[index].counter {
      let status = index < Self.statuses.count ? String(Self.statuses[index]) : "other"
      return Counter(
        label: MetricCatalogue.answers.name,
        dimensions: [("route", route), ("method", method), ("status", status)], factory: factory)
    }
  }

  /// All statuses of responses.
  ///
  /// Any other is counted as `other`.
  static let statuses = [200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503]
}

/// A counter that is created on first use.
private final class StatusCounter: Sendable {
  private let created = AtomicLazyReference<Counter>()

  /// Two threads may race to create it.
  ///
  /// Both then have a handle to the same series.
  func counter(_ create: () -> Counter) -> Counter { created.load() ?? created.storeIfNil(create()) }
}
