import DequeModule
import KeymeterDomain

/// The queue of secrets to rehash, without I/O.
///
/// A pure state machine, bounded in every respect. Secrets that don't fit are dropped, because the key will
/// be used again.
struct RehashQueue {
  private let longest: Int
  private let memory: Int
  private var waiting: Deque<[SecretHash]> = []
  /// The secrets that are queued or already handled, identified by the first 64 bits of their current hash.
  ///
  /// If two secrets ever share them, the second waits for the next restart of a node.
  private var noted: Set<UInt64> = []

  /// - Parameters:
  ///   - longest: The maximum length of the queue.
  ///   - memory: The maximum number of secrets remembered. Beyond it, all are forgotten and handled once
  ///     more.
  init(longest: Int, memory: Int) {
    self.longest = longest
    self.memory = memory
  }

  /// Queues a secret unless it is already known.
  ///
  /// Returns whether it did.
  mutating func note(_ hashes: [SecretHash]) -> Bool {
    guard hashes.count > 1, let name = hashes.first?.head, !noted.contains(name) else { return false }
    guard waiting.count < longest else { return false }
    if noted.count >= memory { noted.removeAll(keepingCapacity: true) }
    noted.insert(name)
    waiting.append(hashes)
    return true
  }

  /// Removes and returns the oldest secret.
  mutating func next() -> [SecretHash]? { waiting.popFirst() }

  /// Lets every secret be queued again, except those still waiting: another node may have rehashed it back.
  mutating func forgetAll() { noted = Set(waiting.compactMap { $0.first?.head }) }

  /// Lets a secret be queued again after a failure.
  mutating func forget(_ hashes: [SecretHash]) {
    if let name = hashes.first?.head { noted.remove(name) }
  }
}

extension SecretHash {
  /// The first eight bytes as an integer.
  fileprivate var head: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
