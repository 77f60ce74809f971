import CoreMetrics
import FoundationEssentials
import KeymeterHandlers
import PrometheusMetrics

/// What is measured of the chores that a node does while it runs.
struct ChoreMetrics: Sendable {
  /// A chore; a metric's label.
  enum Chore: String, CaseIterable {
    case expireReservations = "expire_reservations"
    case makePartitions = "make_partitions"
    case purge
    case countPepperKeys = "count_pepper_keys"
  }

  private let runs: [Chore: Counter]
  private let failures: [Chore: Counter]
  private let lastSuccess: [Chore: Gauge]
  private let expired: Counter
  private let ahead: Gauge
  private let keysLeft: Gauge

  /// What nobody has looked up yet is no number: 0 would be one.
  init(factory: any MetricsFactory) {
    func each<Metric>(_ make: ([(String, String)]) -> Metric) -> [Chore: Metric] {
      Dictionary(uniqueKeysWithValues: Chore.allCases.map { ($0, make([("chore", $0.rawValue)])) })
    }
    runs = each { Counter(label: MetricCatalogue.choreRuns.name, dimensions: $0, factory: factory) }
    failures = each { Counter(label: MetricCatalogue.choreFailures.name, dimensions: $0, factory: factory) }
    lastSuccess = each {
      Gauge(label: MetricCatalogue.choreLastSuccess.name, dimensions: $0, factory: factory)
    }
    expired = Counter(label: MetricCatalogue.reservationsExpired.name, dimensions: [], factory: factory)
    ahead = Gauge(label: MetricCatalogue.partitionsAhead.name, dimensions: [], factory: factory)
    keysLeft = Gauge(label: MetricCatalogue.pepperKeysLeft.name, dimensions: [], factory: factory)
    ahead.record(Double.nan)
    keysLeft.record(Double.nan)
  }

  func succeeded(_ chore: Chore, at time: Date = Date()) {
    runs[chore]?.increment()
    lastSuccess[chore]?.record(time.timeIntervalSince1970)
  }

  func failed(_ chore: Chore) { failures[chore]?.increment() }

  func expired(_ reservations: Int) { expired.increment(by: reservations) }

  func hasPartitionsAhead(_ months: Int) { ahead.record(months) }

  func hasPepperKeysLeft(_ keys: Int64) { keysLeft.record(keys) }
}
