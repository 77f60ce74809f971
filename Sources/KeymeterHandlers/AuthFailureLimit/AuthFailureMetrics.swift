public import CoreMetrics
import PrometheusMetrics

/// What is measured of authentications that fail.
public struct AuthFailureMetrics: Sendable {
  /// By reason; of each, what doesn't count against an address and what does.
  private let failures: [AuthFailure: (uncounted: Counter, counted: Counter)]
  private let refusals: Counter
  private let addresses: Gauge

  /// The metrics, all of them at 0.
  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    func counter(_ reason: AuthFailure, _ counted: String) -> Counter {
      Counter(
        label: MetricCatalogue.authenticationFailures.name,
        dimensions: [("reason", reason.rawValue), ("counted", counted)], factory: factory)
    }
    failures = Dictionary(
      uniqueKeysWithValues: AuthFailure.allCases.map {
        ($0, (uncounted: counter($0, "no"), counted: counter($0, "yes")))
      })
    refusals = Counter(
      label: MetricCatalogue.authenticationRefusals.name, dimensions: [], factory: factory)
    addresses = Gauge(
      label: MetricCatalogue.authenticationAddresses.name, dimensions: [], factory: factory)
  }

  func failed(_ reason: AuthFailure, counted: Bool) {
    guard let counters = failures[reason] else { return }
    (counted ? counters.counted : counters.uncounted).increment()
  }

  func refused() { refusals.increment() }

  func tracks(_ count: Int) { addresses.record(count) }
}
