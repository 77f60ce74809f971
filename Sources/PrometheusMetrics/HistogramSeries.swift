import CoreMetrics

/// A histogram by one set of labels: two atomic additions a value, whoever tells it.
///
/// How many values there were is the sum of its buckets, and so always agrees with them.
final class HistogramSeries: TimerHandler, RecorderHandler {
  private let bounds: [Int64]
  private let partsPerUnit: Int64
  /// A count for each bucket, the one above the last bound included, and then the sum in parts.
  private let numbers: AtomicNumbers

  init(_ buckets: Buckets) {
    bounds = buckets.parts
    partsPerUnit = buckets.partsPerUnit
    numbers = AtomicNumbers(count: buckets.bounds.count + 2)
  }

  /// A histogram at one moment.
  struct Snapshot {
    /// How many values don't exceed each bound; the last one is how many there were.
    var cumulative: [Int64]
    /// Of all values, in units.
    var sum: Double
  }

  var snapshot: Snapshot {
    var cumulative: [Int64] = []
    for bucket in 0...bounds.count { cumulative.append((cumulative.last ?? 0) &+ numbers[bucket]) }
    return Snapshot(cumulative: cumulative, sum: Double(numbers[bounds.count + 1]) / Double(partsPerUnit))
  }

  /// A time, whose parts are nanoseconds; no handle for times is made of other histograms.
  func recordNanoseconds(_ nanoseconds: Int64) { add(nanoseconds) }

  func record(_ value: Int64) {
    let (parts, overflows) = value.multipliedReportingOverflow(by: partsPerUnit)
    add(overflows ? .max : parts)
  }

  func record(_ value: Double) {
    // A value that is no number belongs into no bucket.
    guard !value.isNaN else { return }
    add(Int64(exactly: (value * Double(partsPerUnit)).rounded()) ?? (value < 0 ? .min : .max))
  }

  private func add(_ parts: Int64) {
    var bucket = 0
    while bucket < bounds.count, bounds[bucket] < parts { bucket += 1 }
    numbers.add(1, to: bucket)
    numbers.add(parts, to: bounds.count + 1)
  }
}
