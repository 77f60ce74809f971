import CoreMetrics
import KeymeterHandlers
import Postgres
import PrometheusMetrics

/// Metrics for one PostgreSQL connection pool.
struct PoolMetrics: Sendable {
  private let pool: ConnectionPool
  private let leased: Gauge
  private let idle: Gauge
  private let connecting: Gauge
  private let waiting: Gauge

  /// - Parameters:
  ///   - name: The pool's name, as a label.
  ///   - limit: The maximum number of connections.
  init(_ pool: ConnectionPool, name: String, limit: Int, factory: any MetricsFactory) {
    func connections(_ state: String) -> Gauge {
      Gauge(
        label: MetricCatalogue.poolConnections.name, dimensions: [("pool", name), ("state", state)],
        factory: factory)
    }
    self.pool = pool
    leased = connections("leased")
    idle = connections("idle")
    connecting = connections("connecting")
    waiting = Gauge(
      label: MetricCatalogue.poolWaiting.name, dimensions: [("pool", name)], factory: factory)
    Gauge(label: MetricCatalogue.poolLimit.name, dimensions: [("pool", name)], factory: factory)
      .record(limit)
  }

  /// Updates the gauges.
  func record() {
    let statistics = pool.statistics
    leased.record(statistics.leased)
    idle.record(statistics.idle)
    connecting.record(statistics.connecting)
    waiting.record(statistics.waiting)
  }
}
