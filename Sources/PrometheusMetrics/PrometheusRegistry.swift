public import CoreMetrics
import Synchronization

/// A backend of swift-metrics whose numbers are read as text by Prometheus.
///
/// Handles are made once and kept: making one takes a lock and a look-up, and counting with one a few nanoseconds.
/// Nothing is ever forgotten, and nothing is shown but what is declared.
public final class PrometheusRegistry: MetricsFactory {
  /// Series of one metric by their labels' values; beyond so many, further ones count nowhere.
  ///
  /// Values come from this program, never from a client, so that only a mistake gets there.
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

  /// A backend that shows the given metrics, as soon as somebody has made a handle of them.
  public init(_ declarations: [MetricDeclaration]) {
    families = Mutex(
      Dictionary(uniqueKeysWithValues: declarations.map { ($0.name, Family(declaration: $0)) }))
  }

  /// Has `sample` run before each reading, to set gauges to what holds then.
  ///
  /// - Parameter sample: must not wait for anything.
  public func beforeReading(_ sample: @escaping @Sendable () -> Void) {
    samplers.withLock { $0.append(sample) }
  }

  /// All metrics as text, in the order of their names, the series of each in the order of their labels' values.
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

  /// A counter; one that counts nowhere for what isn't declared as such.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let series = series(label, dimensions) { kind in
      if case .counter = kind { .counter(CounterSeries()) } else { nil }
    }
    if case .counter(let counter)? = series { return counter }
    return NOOPMetricsHandler.instance
  }

  /// A gauge, or with `aggregate` a histogram; one that records nowhere for what isn't declared as such.
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

  /// A gauge; one that is set nowhere for what isn't declared as such.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    let series = series(label, dimensions) { kind in
      if case .gauge = kind { .gauge(GaugeSeries()) } else { nil }
    }
    if case .gauge(let gauge)? = series { return gauge }
    return NOOPMetricsHandler.instance
  }

  /// A histogram of seconds; one that records nowhere for what isn't declared as such.
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

  /// Keeps what was counted: a metric that vanished and came back would look like a restart.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// Keeps what was recorded.
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  /// Keeps what was set.
  public func destroyMeter(_ handler: any MeterHandler) {}
  /// Keeps what was recorded.
  public func destroyTimer(_ handler: any TimerHandler) {}

  /// The series of these labels, made if need be; `nil` where the metric isn't declared with just these labels, or has
  /// too many series.
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
