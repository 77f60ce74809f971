import CoreMetrics

/// A histogram for one set of labels: two atomic additions per value, from any thread.
///
/// The count is the sum of the buckets, so the two always agree.
final class HistogramSeries: TimerHandler, RecorderHandler {
  private let bounds: [Int64]
  private let partsPerUnit: Int64
  /// A count for each bucket, including the one above the last bound, and then the sum in parts.
  private let numbers: AtomicNumbers

  init(_ buckets: Buckets) {
    bounds = buckets.parts
    partsPerUnit = buckets.partsPerUnit
    numbers = AtomicNumbers(count: buckets.bounds.count + 2)
  }

  /// A histogram at one moment.
  struct Snapshot {
    /// The number of values up to each bound.
    ///
    /// The last entry is the total count.
    var cumulative: [Int64]
    /// The sum of all values, in units.
    var sum: Double
  }

  var snapshot: Snapshot {
    var cumulative: [Int64] = []
    for bucket in 0...bounds.count { cumulative.append((cumulative.last ?? 0) &+ numbers[bucket]) }
    return Snapshot(cumulative: cumulative, sum: Double(numbers[bounds.count + 1]) / Double(partsPerUnit))
  }

  /// A duration.
  ///
  /// Only histograms of seconds get timer handles, so one part is a nanosecond.
  func recordNanoseconds(_ nanoseconds: Int64) { add(nanoseconds) }

  func record(_ value: Int64) {
    let (parts, overflows) = value.multipliedReportingOverflow(by: partsPerUnit)
    add(overflows ? .max : parts)
  }

  func record(_ value: Double) {
    // Ignore NaN.
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
