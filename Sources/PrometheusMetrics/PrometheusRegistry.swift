public import CoreMetrics
import Synchronization

/// A swift-metrics backend that exposes its metrics in the Prometheus text format.
///
/// Create handles once and keep them: creating one takes a lock and a lookup, while recording takes a few
/// nanoseconds. No series is ever removed, and only declared metrics are exposed.
public final class PrometheusRegistry: MetricsFactory {
  /// The maximum number of series per metric.
  ///
  /// Further label values are not recorded.
  ///
  /// Label values come from this program, never from a client, so only a bug reaches this limit.
  public static let mostSeries = 1_000

  private struct Family {
    let declaration: MetricDeclaration
    var series: [[String]: Series] = [:]
  }

  private enum Series {
    case counter(CounterSeries)
    case gauge(GaugeSeries)
    case histogram(HistogramSeries)
  }

  private let families: Mutex<[String: Family]>
  private let samplers = Mutex<[@Sendable () -> Void]>([])

  /// Creates a backend for the given metrics.
  ///
  /// A metric is exposed once it has a handle.
  public init(_ declarations: [MetricDeclaration]) {
    families = Mutex(
      Dictionary(uniqueKeysWithValues: declarations.map { ($0.name, Family(declaration: $0)) }))
  }

  /// Runs `sample` before each scrape, to update gauges.
  ///
  /// - Parameter sample: Must not block.
  public func beforeReading(_ sample: @escaping @Sendable () -> Void) {
    samplers.withLock { $0.append(sample) }
  }

  /// All metrics as text, sorted by name, with the series of each sorted by label values.
  public func text() -> String {
    for sample in samplers.withLock({ $0 }) { sample() }
    var exposition = Exposition()
    for family in families.withLock({ $0 }).values.sorted(by: { $0.declaration.name < $1.declaration.name })
    where !family.series.isEmpty {
      exposition.begin(family.declaration)
      for (values, series) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        switch series {
        case .counter(let counter): exposition.sample(values, Double(counter.value))
        case .gauge(let gauge): exposition.sample(values, gauge.value)
        case .histogram(let histogram): exposition.histogram(values, histogram.snapshot)
        }
      }
    }
    return exposition.text
  }

  // MARK: Handles

  /// Creates a counter.
  ///
  /// It records nothing if no such counter is declared.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let series = series(label, dimensions) { kind in
      if case .counter = kind { .counter(CounterSeries()) } else { nil }
    }
    if case .counter(let counter)? = series { return counter }
    return NOOPMetricsHandler.instance
  }

  /// Creates a gauge, or a histogram if `aggregate` is set.
  ///
  /// It records nothing if no such metric is declared.
  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    let series = series(label, dimensions) { kind in
      switch (kind, aggregate) {
      case (.gauge, false): .gauge(GaugeSeries())
      case (.histogram(let buckets), true): .histogram(HistogramSeries(buckets))
      default: nil
      }
    }
    switch series {
    case .gauge(let gauge)? where !aggregate: return gauge
    case .histogram(let histogram)? where aggregate: return histogram
    default: return NOOPMetricsHandler.instance
    }
  }

  /// Creates a gauge.
  ///
  /// It records nothing if no such gauge is declared.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    let series = series(label, dimensions) { kind in
      if case .gauge = kind { .gauge(GaugeSeries()) } else { nil }
    }
    if case .gauge(let gauge)? = series { return gauge }
    return NOOPMetricsHandler.instance
  }

  /// Creates a histogram of seconds.
  ///
  /// It records nothing if no such histogram is declared.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let series = series(label, dimensions) { kind in
      if case .histogram(let buckets) = kind, buckets.areSeconds {
        .histogram(HistogramSeries(buckets))
      } else {
        nil
      }
    }
    if case .histogram(let histogram)? = series { return histogram }
    return NOOPMetricsHandler.instance
  }

  /// Keeps the counter: if it vanished and came back, that would look like a reset.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// Keeps the recorded values.
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  /// Keeps the value.
  public func destroyMeter(_ handler: any MeterHandler) {}
  /// Keeps the recorded values.
  public func destroyTimer(_ handler: any TimerHandler) {}

  /// The series with these labels, created if necessary.
  ///
  /// Nil if the metric isn't declared with exactly these labels, or has too many series.
  private func series(
    _ name: String, _ dimensions: [(String, String)], _ make: (MetricDeclaration.Kind) -> Series?
  ) -> Series? {
    families.withLock { families in
      guard let family = families[name], dimensions.count == family.declaration.labels.count else {
        return nil
      }
      var values: [String] = []
      for label in family.declaration.labels {
        guard let value = dimensions.first(where: { $0.0 == label })?.1 else { return nil }
        values.append(value)
      }
      if let series = family.series[values] { return series }
      guard family.series.count < Self.mostSeries, let made = make(family.declaration.kind) else {
        return nil
      }
      families[name]?.series[values] = made
      return made
    }
  }
}
