import KeymeterDomain
import Testing

@testable import KeymeterRepository

@Suite struct RehashQueueTests {
  @Test func `a secret is queued once, in order of arrival`() {
    let queue = Queue(longest: 10, memory: 10)
    #expect(queue.note(hashes(1)))
    #expect(queue.note(hashes(2)))
    #expect(!queue.note(hashes(1)))
    #expect(queue.next() == hashes(1))
    #expect(!queue.note(hashes(1)), "taken already")
    #expect(queue.next() == hashes(2))
    #expect(queue.next() == nil)
  }

  @Test func `a secret whose rehash failed is queued again`() {
    let queue = Queue(longest: 10, memory: 10)
    #expect(queue.note(hashes(1)))
    _ = queue.next()
    queue.forget(hashes(1))
    #expect(queue.note(hashes(1)))
  }

  @Test func `a secret that was taken is queued again after a while, and a waiting one is not queued twice`()
  {
    let queue = Queue(longest: 10, memory: 10)
    #expect(queue.note(hashes(1)) && queue.note(hashes(2)))
    #expect(queue.next() == hashes(1))
    queue.forgetAll()
    #expect(!queue.note(hashes(2)))
    #expect(queue.note(hashes(1)))
  }

  @Test func `nothing is queued if there is only one pepper`() {
    let queue = Queue(longest: 10, memory: 10)
    #expect(!queue.note([hashes(1)[0]]))
    #expect(!queue.note([]))
    #expect(queue.next() == nil)
  }

  @Test func `a secret that finds the queue full is dropped and queued later`() {
    let queue = Queue(longest: 2, memory: 100)
    #expect(queue.note(hashes(1)) && queue.note(hashes(2)))
    #expect(!queue.note(hashes(3)))
    #expect(queue.next() == hashes(1))
    #expect(queue.note(hashes(3)))
    #expect(queue.next() == hashes(2))
    #expect(queue.next() == hashes(3))
  }

  @Test func `the queue's memory is bounded over 100,000 secrets, and no queued secret is lost`() {
    let queue = Queue(longest: 8, memory: 64)
    var served = 0
    for number in 0..<100_000 {
      #expect(queue.note(hashes(number)))
      if number % 2 == 1 { while queue.next() != nil { served += 1 } }
    }
    #expect(served == 100_000)
    #expect(queue.note(hashes(0)), "evicted long ago")
  }

  private func hashes(_ number: Int) -> [SecretHash] {
    let head = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    return ["new", "old"].map { SecretHash(pepperID: $0, bytes: head + Array(repeating: 0, count: 24)) }
  }
}

/// A reference to a queue, because expectations can't mutate a value.
private final class Queue {
  private var queue: RehashQueue

  init(longest: Int, memory: Int) { queue = RehashQueue(longest: longest, memory: memory) }

  func note(_ hashes: [SecretHash]) -> Bool { queue.note(hashes) }

  func next() -> [SecretHash]? { queue.next() }

  func forgetAll() { queue.forgetAll() }

  func forget(_ hashes: [SecretHash]) { queue.forget(hashes) }
}
