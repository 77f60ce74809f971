/// A writer for the Prometheus text format, version 0.0.4.
///
/// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
struct Exposition {
  private(set) var text = ""
  private var name = ""
  private var labels: [String] = []
  private var bounds: [Double] = []

  /// Begins a metric.
  ///
  /// Its samples must come before the next metric.
  mutating func begin(_ declaration: MetricDeclaration) {
    name = declaration.name
    labels = declaration.labels
    let type: String
    switch declaration.kind {
    case .counter: type = "counter"
    case .gauge: type = "gauge"
    case .histogram(let buckets):
      type = "histogram"
      bounds = buckets.bounds
    }
    text += "# HELP \(name) \(Self.escaped(declaration.help, quotes: false))\n# TYPE \(name) \(type)\n"
  }

  mutating func sample(_ values: [String], _ number: Double) { line("", values, nil, number) }

  mutating func histogram(_ values: [String], _ snapshot: HistogramSeries.Snapshot) {
    for (bound, count) in zip(bounds + [.infinity], snapshot.cumulative) {
      line("_bucket", values, bound, Double(count))
    }
    line("_sum", values, nil, snapshot.sum)
    line("_count", values, nil, Double(snapshot.cumulative.last ?? 0))
  }

  private mutating func line(_ suffix: String, _ values: [String], _ bound: Double?, _ number: Double) {
    var pairs = zip(labels, values).map { "\($0)=\"\(Self.escaped($1, quotes: true))\"" }
    if let bound { pairs.append("le=\"\(Self.written(bound))\"") }
    text += name + suffix
    if !pairs.isEmpty { text += "{\(pairs.joined(separator: ","))}" }
    text += " \(Self.written(number))\n"
  }

  /// A number in Go's syntax.
  ///
  /// Integers have no fraction as long as they are exact.
  static func written(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
    if number.magnitude < 9_007_199_254_740_992, let whole = Int64(exactly: number) { return "\(whole)" }
    return "\(number)"
  }

  /// Escapes a text, including its quotes if it is written within quotes.
  static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
