import KeymeterDomain

/// Which keys' values wait to be brought under the current pepper: the renewer's rules without its I/O.
///
/// A pure state machine, bounded in every respect. What doesn't fit is dropped: the key will be used again.
struct RehashQueue {
  private let longest: Int
  private let memory: Int
  private var waiting: [[SecretHash]] = []
  /// Entries of `waiting` before this one have been taken already.
  private var head = 0
  /// Values that wait, or have been dealt with, each by the head of its present hash: that is as good as random, and
  /// should two values ever share one, the second waits for the next start of a node.
  private var noted: Set<UInt64> = []

  /// - Parameters:
  ///   - longest: how many values may wait.
  ///   - memory: how many values are remembered; beyond that all are forgotten, and looked at once more.
  init(longest: Int, memory: Int) {
    self.longest = longest
    self.memory = memory
  }

  /// Takes a value in, unless it was before; says whether it did.
  mutating func note(_ hashes: [SecretHash]) -> Bool {
    guard hashes.count > 1, let name = hashes.first?.head, !noted.contains(name) else { return false }
    guard waiting.count - head < longest else { return false }
    if noted.count >= memory { noted.removeAll(keepingCapacity: true) }
    noted.insert(name)
    waiting.append(hashes)
    return true
  }

  /// The value that has waited longest.
  mutating func next() -> [SecretHash]? {
    guard head < waiting.count else { return nil }
    defer {
      head += 1
      if head == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        head = 0
      } else if head > longest {
        waiting.removeFirst(head)
        head = 0
      }
    }
    return waiting[head]
  }

  /// Lets every value be noted again, except what waits: another node may have moved it back meanwhile.
  mutating func forgetAll() { noted = Set(waiting[head...].compactMap { $0.first?.head }) }

  /// Lets a value be noted again, because nothing came of it.
  mutating func forget(_ hashes: [SecretHash]) {
    if let name = hashes.first?.head { noted.remove(name) }
  }
}

extension SecretHash {
  /// The first eight bytes as a number.
  fileprivate var head: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
