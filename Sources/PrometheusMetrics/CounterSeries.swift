import CoreMetrics
import Synchronization

/// A counter by one set of labels: one atomic addition, whoever counts.
final class CounterSeries: CounterHandler {
  private let count = Atomic<Int64>(0)

  var value: Int64 { count.load(ordering: .relaxed) }

  func increment(by amount: Int64) {
    // A counter that went down would look like a restart.
    guard amount > 0 else { return }
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  /// Does nothing: whoever reads it would take that for a restart of the process.
  func reset() {}
}
