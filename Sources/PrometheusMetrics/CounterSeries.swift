import CoreMetrics
import Synchronization

/// A counter for one set of labels: one atomic addition per increment, from any thread.
final class CounterSeries: CounterHandler {
  private let count = Atomic<Int64>(0)

  var value: Int64 { count.load(ordering: .relaxed) }

  func increment(by amount: Int64) {
    // A decrease would look like a counter reset.
    guard amount > 0 else { return }
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  /// Does nothing: Prometheus would take a reset for a restart of the process.
  func reset() {}
}
