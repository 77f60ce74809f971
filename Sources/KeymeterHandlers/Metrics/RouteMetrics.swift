import CoreMetrics
import PrometheusMetrics
import Synchronization

/// Counts and times the answers of one route.
///
/// All handles are made once, so that an answer costs a few atomic additions. A status' counter is there from its first
/// answer on, and those that alerts look at from the start.
final class RouteMetrics: Sendable {
  let route: String
  let method: String
  private let factory: any MetricsFactory
  private let duration: Timer
  private let counters: [StatusCounter]

  /// - Parameters:
  ///   - route: the path's template, never a path.
  ///   - method: a method that is served, or `any`; never a client's word.
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

  /// Notes an answer.
  ///
  /// - Parameter nanoseconds: how long it took.
  func answered(_ status: Int, after nanoseconds: Int64) {
    counter(of: status).increment()
    duration.recordNanoseconds(nanoseconds)
  }

  private func counter(of status: Int) -> Counter {
    let place = Self.place(of: status)
    return counters[place].counter {
      let status = place < Self.statuses.count ? String(Self.statuses[place]) : "other"
      return Counter(
        label: MetricCatalogue.answers.name,
        dimensions: [("route", route), ("method", method), ("status", status)], factory: factory)
    }
  }

  /// Every status that is answered; another one would be counted as `other`.
  static let statuses = [200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503]

  /// Where a status stands in `statuses`; behind them if it doesn't.
  private static func place(of status: Int) -> Int {
    statuses.firstIndex(of: status) ?? statuses.count
  }
}

/// A counter that is made when it is first needed.
private final class StatusCounter: Sendable {
  private let made = AtomicLazyReference<Counter>()

  /// Two threads that come first at the same time make two handles of the same series.
  func counter(_ make: () -> Counter) -> Counter { made.load() ?? made.storeIfNil(make()) }
}
