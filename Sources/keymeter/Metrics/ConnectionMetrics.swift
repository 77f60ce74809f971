import CoreMetrics
import KeymeterHandlers
import PrometheusMetrics

/// What is measured of clients' connections.
struct ConnectionMetrics: Sendable {
  private let refusals: Counter
  private let open: Gauge
  private let limit: Gauge

  init(factory: any MetricsFactory) {
    refusals = Counter(
      label: MetricCatalogue.connectionsRefused.name, dimensions: [], factory: factory)
    open = Gauge(label: MetricCatalogue.connections.name, dimensions: [], factory: factory)
    limit = Gauge(label: MetricCatalogue.connectionLimit.name, dimensions: [], factory: factory)
  }

  func refused() { refusals.increment() }

  /// Sets the gauges to what holds now.
  func record(_ connections: ConnectionCount) {
    open.record(connections.count)
    limit.record(connections.limit)
  }
}
