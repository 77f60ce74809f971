import CoreMetrics
import FoundationEssentials
import KeymeterHandlers
import KeymeterRepository
import Postgres
import PrometheusMetrics

/// All metrics of one server, and their registry.
struct ServerMetrics: Sendable {
  let registry = PrometheusRegistry(MetricCatalogue.all)
  let service: ServiceMetrics
  let authentication: AuthFailureMetrics
  let batches: BatchMetrics
  let connections: ConnectionMetrics
  let jobs: JobMetrics
  private let ready: Gauge

  /// - Parameter start: When the process started.
  init(start: Date = Date()) {
    let registry = registry
    service = ServiceMetrics(factory: registry) { registry.text() }
    authentication = AuthFailureMetrics(factory: registry)
    batches = BatchMetrics(factory: registry)
    connections = ConnectionMetrics(factory: registry)
    jobs = JobMetrics(factory: registry)
    ready = Gauge(label: MetricCatalogue.ready.name, dimensions: [], factory: registry)
    Gauge(
      label: MetricCatalogue.buildInfo.name, dimensions: [("version", KeymeterVersion.current)],
      factory: registry
    ).record(1)
    Gauge(label: MetricCatalogue.processStart.name, dimensions: [], factory: registry)
      .record(start.timeIntervalSince1970)
  }

  func isReady(_ readiness: Readiness) { ready.record(readiness == .ready ? 1 : 0) }

  /// Updates the pool's gauges before each scrape.
  func watch(_ pool: ConnectionPool, name: String, limit: Int) {
    let metrics = PoolMetrics(pool, name: name, limit: limit, factory: registry)
    registry.beforeReading { metrics.record() }
  }

  /// Updates the admission queue's gauges before each scrape.
  func watch(_ batcher: AdmissionBatcher, _ options: AdmissionBatcher.Options) {
    registry.beforeReading { [batches] in batches.record(depth: batcher.depth, of: options) }
  }

  /// Updates the client connection gauge before each scrape.
  func watch(_ count: ConnectionCount) {
    registry.beforeReading { [connections] in connections.record(count) }
  }

  /// Updates the failed-authentication gauges before each scrape.
  func watch(_ watch: AuthFailureLimiter) {
    registry.beforeReading { watch.recordGauges() }
  }
}
