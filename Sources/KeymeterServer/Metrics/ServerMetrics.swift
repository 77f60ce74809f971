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

/// Metrics for client connections.
struct ConnectionMetrics: Sendable {
  private let rejections: Counter
  private let open: Gauge
  private let limit: Gauge

  init(factory: any MetricsFactory) {
    rejections = Counter(
      label: MetricCatalogue.connectionsRejected.name, dimensions: [], factory: factory)
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

/// Metrics for the admission batches.
struct BatchMetrics: AdmissionObserver {
  private let size: Recorder
  private let wait: Timer
  private let rejections: Counter
  private let depth: Gauge
  private let limit: Gauge

  init(factory: any MetricsFactory) {
    size = Recorder(label: MetricCatalogue.batchSize.name, dimensions: [], aggregate: true, factory: factory)
    wait = Timer(label: MetricCatalogue.queueWait.name, dimensions: [], factory: factory)
    rejections = Counter(label: MetricCatalogue.queueRejections.name, dimensions: [], factory: factory)
    depth = Gauge(label: MetricCatalogue.queueDepth.name, dimensions: [], factory: factory)
    limit = Gauge(label: MetricCatalogue.queueLimit.name, dimensions: [], factory: factory)
  }

  func began(waits: [Duration]) {
    size.record(Int64(waits.count))
    for time in waits { wait.recordNanoseconds(Self.nanoseconds(time)) }
  }

  func rejected() { rejections.increment() }

  /// Updates the gauges.
  func record(depth waiting: Int, of options: AdmissionBatcher.Options) {
    depth.record(waiting)
    limit.record(options.longestQueue)
  }

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
