import Synchronization

/// Counts responses by status.
final class Tally: Sendable, CustomStringConvertible {
  private let counts = Mutex<[Int: Int]>([:])

  func count(_ status: Int) { counts.withLock { $0[status, default: 0] += 1 } }

  func share(_ isMeant: (Int) -> Bool) -> Double {
    counts.withLock { counts in
      let meant = counts.filter { isMeant($0.key) }.values.reduce(0, +)
      return Double(meant) / Double(max(1, counts.values.reduce(0, +)))
    }
  }

  var description: String {
    counts.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") }
  }
}
