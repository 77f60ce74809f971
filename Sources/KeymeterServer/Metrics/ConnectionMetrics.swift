import CoreMetrics
import KeymeterHandlers
import PrometheusMetrics

/// Metrics for client connections.
struct ConnectionMetrics: Sendable {
  private let rejections: Counter
  private let open: Gauge
  private let limit: Gauge

  init(factory: any MetricsFactory) {
    rejections = Counter(
      label: MetricCatalogue.connectionsRefused.name, dimensions: [], factory: factory)
    open = Gauge(label: MetricCatalogue.connections.name, dimensions: [], factory: factory)
    limit = Gauge(label: MetricCatalogue.connectionLimit.name, dimensions: [], factory: factory)
  }

  func rejected() { rejections.increment() }

  /// Updates the gauge.
  func record(_ connections: ConnectionCount) {
    open.record(connections.count)
    limit.record(connections.limit)
  }
}
