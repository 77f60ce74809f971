import Synchronization

/// Numbers beside each other in memory, each of which any thread may add to.
///
/// An array can't hold atomics, and an object for each would be counted, whenever it is used, by all threads at one
/// place; hence the pointer. It is never changed, and what it points to is touched by atomic operations only, hence
/// `@unchecked`.
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

  /// Adds; past the greatest number it goes on from the least, which readers take for a restart.
  func add(_ amount: Int64, to place: Int) {
    precondition(place < count)
    numbers[place].wrappingAdd(amount, ordering: .relaxed)
  }
}
