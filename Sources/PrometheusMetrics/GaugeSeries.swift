import CoreMetrics
import Synchronization

/// A gauge for one set of labels.
final class GaugeSeries: RecorderHandler, MeterHandler {
  /// The number's bits, because there are no atomic floating-point types.
  private let bits = Atomic<UInt64>(0)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
  func increment(by amount: Double) { add(amount) }
  func decrement(by amount: Double) { add(-amount) }

  private func add(_ amount: Double) {
    var before = bits.load(ordering: .relaxed)
    while true {
      let after = (Double(bitPattern: before) + amount).bitPattern
      let (isDone, found) = bits.weakCompareExchange(expected: before, desired: after, ordering: .relaxed)
      if isDone { return }
      before = found
    }
  }
}
