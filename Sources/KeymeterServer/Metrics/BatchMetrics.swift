import CoreMetrics
import KeymeterHandlers
import KeymeterRepository
import PrometheusMetrics

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
    rejections = Counter(label: MetricCatalogue.queueRefusals.name, dimensions: [], factory: factory)
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
