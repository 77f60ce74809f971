/// Which requests wait, and which go next: the batcher's rules without its I/O.
///
/// A pure state machine. Requests that arrive while every worker is busy wait, and form that worker's next batch; while
/// a worker is idle, a request starts it at once, so that batching never adds waiting.
struct BatchQueue<Entry> {
  /// What is to be done with an entry that has just come.
  enum Arrival {
    /// Run this batch now; the worker is taken until `next` says that it is free.
    case run([Entry])
    /// It waits for a worker.
    case wait
    /// Too many wait already.
    case overloaded
    /// No more entries are taken.
    case closed
  }

  private let workers: Int
  private let largestBatch: Int
  private let longestQueue: Int
  private var waiting: [Entry] = []
  /// Entries of `waiting` before this one have been taken already.
  private var head = 0
  private var busyWorkers = 0
  private var isClosed = false

  init(workers: Int, largestBatch: Int, longestQueue: Int) {
    self.workers = workers
    self.largestBatch = largestBatch
    self.longestQueue = longestQueue
  }

  /// How many entries wait.
  var depth: Int { waiting.count - head }

  /// Whether nothing waits and no worker works.
  var isIdle: Bool { busyWorkers == 0 && depth == 0 }

  mutating func arrive(_ entry: Entry) -> Arrival {
    guard !isClosed else { return .closed }
    guard busyWorkers == workers else {
      busyWorkers += 1
      return .run([entry])
    }
    guard depth < longestQueue else { return .overloaded }
    waiting.append(entry)
    return .wait
  }

  /// What a worker that has finished its batch does next; `nil` frees it.
  mutating func next() -> [Entry]? {
    guard depth > 0 else {
      busyWorkers -= 1
      return nil
    }
    let end = min(head + largestBatch, waiting.count)
    let batch = Array(waiting[head..<end])
    head = end
    if head == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      head = 0
    } else if head > longestQueue {
      waiting.removeFirst(head)
      head = 0
    }
    return batch
  }

  /// Takes out the waiting entries from the front on, as long as `isLate` says so of them.
  mutating func abandon(while isLate: (Entry) -> Bool) -> [Entry] {
    let end = waiting[head...].firstIndex { !isLate($0) } ?? waiting.count
    defer { waiting.removeSubrange(head..<end) }
    return Array(waiting[head..<end])
  }

  /// From now on nothing more arrives; what waits is still served.
  mutating func close() { isClosed = true }
}
