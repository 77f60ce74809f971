import KeymeterTesting
import Testing

@testable import KeymeterRepository

@Suite("The batcher's queue")
struct BatchQueueTests {
  private func queue(workers: Int = 1, batch: Int = 3, longest: Int = 5) -> BatchQueue<Int> {
    BatchQueue(workers: workers, largestBatch: batch, longestQueue: longest)
  }

  @Test("An idle worker takes a request at once, without waiting for others")
  func idle() {
    var queue = queue(workers: 2)
    #expect(queue.arrive(1) == .run([1]))
    #expect(queue.arrive(2) == .run([2]))
    #expect(queue.arrive(3) == .wait)
  }

  @Test("Requests are served in order of arrival, at most a full batch at once")
  func order() {
    var queue = queue()
    _ = queue.arrive(0)
    for entry in 1...5 { #expect(queue.arrive(entry) == .wait) }
    #expect(queue.next() == [1, 2, 3])
    #expect(queue.arrive(6) == .wait)
    #expect(queue.next() == [4, 5, 6])
    #expect(queue.next() == nil)
    #expect(queue.isIdle)
    #expect(queue.arrive(7) == .run([7]))
  }

  @Test("A full queue rejects requests until there is room again")
  func bounded() {
    var queue = queue()
    _ = queue.arrive(0)
    for entry in 1...5 { _ = queue.arrive(entry) }
    #expect(queue.arrive(6) == .overloaded)
    #expect(queue.depth == 5)
    _ = queue.next()
    #expect(queue.arrive(7) == .wait)
    #expect(queue.depth == 3)
  }

  @Test("Only expired requests at the front are abandoned")
  func abandoned() {
    var queue = queue()
    _ = queue.arrive(0)
    for entry in [1, 2, 9, 3] { _ = queue.arrive(entry) }
    #expect(queue.abandon { $0 < 5 } == [1, 2])
    #expect(queue.next() == [9, 3])
  }

  @Test("A closed queue rejects new requests and serves those that wait")
  func closed() {
    var queue = queue()
    _ = queue.arrive(0)
    _ = queue.arrive(1)
    queue.close()
    #expect(queue.arrive(2) == .closed)
    #expect(queue.next() == [1])
    #expect(queue.next() == nil)
  }

  @Test("Over random work no request is lost, duplicated or reordered", arguments: [1, 2, 3] as [UInt64])
  func random(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var queue = queue(workers: 2, batch: 4, longest: 16)
    var (sent, served) = ([Int](), [Int]())
    var busy = 0
    for entry in 0..<5_000 {
      switch queue.arrive(entry) {
      case .run(let batch):
        sent.append(entry)
        served += batch
        busy += 1
      case .wait: sent.append(entry)
      case .overloaded, .closed: break
      }
      while busy > 0, Bool.random(using: &random) {
        if let batch = queue.next() { served += batch } else { busy -= 1 }
      }
    }
    while busy > 0 {
      if let batch = queue.next() { served += batch } else { busy -= 1 }
    }
    #expect(served == sent)
    #expect(queue.isIdle)
  }
}

extension BatchQueue.Arrival: Equatable where Entry: Equatable {
  static func == (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.run(let left), .run(let right)): left == right
    case (.wait, .wait), (.overloaded, .overloaded), (.closed, .closed): true
    default: false
    }
  }
}
