import CoreMetrics
import KeymeterHandlers
import Postgres
import PrometheusMetrics

/// What is measured of one pool of connections to PostgreSQL.
struct PoolMetrics: Sendable {
  private let pool: ConnectionPool
  private let leased: Gauge
  private let idle: Gauge
  private let connecting: Gauge
  private let waiting: Gauge

  /// - Parameters:
  ///   - name: the pool's, as a label.
  ///   - limit: how many connections it may have.
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

  /// Sets the gauges to what holds now.
  func record() {
    let statistics = pool.statistics
    leased.record(statistics.leased)
    idle.record(statistics.idle)
    connecting.record(statistics.connecting)
    waiting.record(statistics.waiting)
  }
}
