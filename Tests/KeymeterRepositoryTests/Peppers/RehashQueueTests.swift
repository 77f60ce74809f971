import KeymeterDomain
import Testing

@testable import KeymeterRepository

@Suite struct RehashQueueTests {
  @Test func `a value waits once, and in its turn`() {
    let queue = Queue(longest: 10, memory: 10)
    #expect(queue.note(hashes(1)))
    #expect(queue.note(hashes(2)))
    #expect(!queue.note(hashes(1)))
    #expect(queue.next() == hashes(1))
    #expect(!queue.note(hashes(1)), "it has been dealt with")
    #expect(queue.next() == hashes(2))
    #expect(queue.next() == nil)
  }

  @Test func `a value of which nothing came is noted again`() {
    let queue = Queue(longest: 10, memory: 10)
    #expect(queue.note(hashes(1)))
    _ = queue.next()
    queue.forget(hashes(1))
    #expect(queue.note(hashes(1)))
  }

  @Test func `what was dealt with is looked at again after a while, what waits is not noted twice`() {
    let queue = Queue(longest: 10, memory: 10)
    #expect(queue.note(hashes(1)) && queue.note(hashes(2)))
    #expect(queue.next() == hashes(1))
    queue.forgetAll()
    #expect(!queue.note(hashes(2)))
    #expect(queue.note(hashes(1)))
  }

  @Test func `with one pepper there is nothing to renew`() {
    let queue = Queue(longest: 10, memory: 10)
    #expect(!queue.note([hashes(1)[0]]))
    #expect(!queue.note([]))
    #expect(queue.next() == nil)
  }

  @Test func `what doesn't fit is dropped and comes again later`() {
    let queue = Queue(longest: 2, memory: 100)
    #expect(queue.note(hashes(1)) && queue.note(hashes(2)))
    #expect(!queue.note(hashes(3)))
    #expect(queue.next() == hashes(1))
    #expect(queue.note(hashes(3)))
    #expect(queue.next() == hashes(2))
    #expect(queue.next() == hashes(3))
  }

  @Test func `of a hundred thousand values it remembers a bounded number, and loses none that waits`() {
    let queue = Queue(longest: 8, memory: 64)
    var served = 0
    for number in 0..<100_000 {
      #expect(queue.note(hashes(number)))
      if number % 2 == 1 { while queue.next() != nil { served += 1 } }
    }
    #expect(served == 100_000)
    #expect(queue.note(hashes(0)), "forgotten long ago")
  }

  private func hashes(_ number: Int) -> [SecretHash] {
    let head = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    return ["new", "old"].map { SecretHash(pepperID: $0, bytes: head + Array(repeating: 0, count: 24)) }
  }
}

/// A queue by reference, as expectations change nothing.
private final class Queue {
  private var queue: RehashQueue

  init(longest: Int, memory: Int) { queue = RehashQueue(longest: longest, memory: memory) }

  func note(_ hashes: [SecretHash]) -> Bool { queue.note(hashes) }

  func next() -> [SecretHash]? { queue.next() }

  func forgetAll() { queue.forgetAll() }

  func forget(_ hashes: [SecretHash]) { queue.forget(hashes) }
}
