import Synchronization

/// Adjacent numbers in memory that any thread may add to.
///
/// An array can't hold atomics, and an object per number would make all threads contend for its reference
/// count. So this holds a pointer. It is `@unchecked` because the pointer never changes and its target is
/// accessed only atomically.
final class AtomicNumbers: @unchecked Sendable {
  private let numbers: UnsafeMutablePointer<Atomic<Int64>>
  private let count: Int

  init(count: Int) {
    self.count = count
    numbers = .allocate(capacity: count)
    for place in 0..<count { (numbers + place).initialize(to: Atomic(0)) }
  }

  deinit {
    numbers.deinitialize(count: count)
    numbers.deallocate()
  }

  subscript(place: Int) -> Int64 {
    precondition(place < count)
    return numbers[place].load(ordering: .relaxed)
  }

  /// Adds to one number.
  ///
  /// Overflow wraps around to the minimum, which Prometheus reads as a counter reset.
  func add(_ amount: Int64, to place: Int) {
    precondition(place < count)
    numbers[place].wrappingAdd(amount, ordering: .relaxed)
  }
}
