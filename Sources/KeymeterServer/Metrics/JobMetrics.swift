import CoreMetrics
import FoundationEssentials
import KeymeterHandlers
import PrometheusMetrics

/// Metrics for the background jobs of one node.
struct JobMetrics: Sendable {
  /// A background job, shown in the label `name` because Prometheus sets `job` itself.
  enum Job: String, CaseIterable {
    case expireReservations = "expire_reservations"
    case makePartitions = "make_partitions"
    case purge
    case countPepperKeys = "count_pepper_keys"
  }

  private let runs: [Job: Counter]
  private let failures: [Job: Counter]
  private let lastSuccess: [Job: Gauge]
  private let expired: Counter
  private let ahead: Gauge
  private let keysLeft: Gauge

  /// Gauges stay NaN until first measured, because 0 would be a claim.
  init(factory: any MetricsFactory) {
    func each<Metric>(_ make: ([(String, String)]) -> Metric) -> [Job: Metric] {
      Dictionary(uniqueKeysWithValues: Job.allCases.map { ($0, make([("name", $0.rawValue)])) })
    }
    runs = each { Counter(label: MetricCatalogue.jobRuns.name, dimensions: $0, factory: factory) }
    failures = each { Counter(label: MetricCatalogue.jobFailures.name, dimensions: $0, factory: factory) }
    lastSuccess = each {
      Gauge(label: MetricCatalogue.jobLastSuccess.name, dimensions: $0, factory: factory)
    }
    expired = Counter(label: MetricCatalogue.reservationsExpired.name, dimensions: [], factory: factory)
    ahead = Gauge(label: MetricCatalogue.partitionsAhead.name, dimensions: [], factory: factory)
    keysLeft = Gauge(label: MetricCatalogue.pepperKeysLeft.name, dimensions: [], factory: factory)
    ahead.record(Double.nan)
    keysLeft.record(Double.nan)
  }

  func succeeded(_ job: Job, at time: Date = Date()) {
    runs[job]?.increment()
    lastSuccess[job]?.record(time.timeIntervalSince1970)
  }

  func failed(_ job: Job) { failures[job]?.increment() }

  func expired(_ reservations: Int) { expired.increment(by: reservations) }

  func hasPartitionsAhead(_ months: Int) { ahead.record(months) }

  func hasPepperKeysLeft(_ keys: Int64) { keysLeft.record(keys) }
}
