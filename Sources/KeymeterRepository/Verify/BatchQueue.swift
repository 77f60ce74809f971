import DequeModule

/// The batcher's queue: forms batches, without I/O.
///
/// A pure state machine. Requests that arrive while all workers are busy wait for the next batch. If a worker
/// is idle, a request starts it at once, so batching never adds latency.
struct BatchQueue<Entry> {
  /// What to do with a new entry.
  enum Arrival {
    /// Run this batch now. The worker is busy until `next` frees it.
    case run([Entry])
    /// The entry waits for a worker.
    case wait
    /// The queue is full.
    case overloaded
    /// The queue is closed.
    case closed
  }

  private let workers: Int
  private let largestBatch: Int
  private let longestQueue: Int
  private var waiting: Deque<Entry> = []
  private var busyWorkers = 0
  private var isClosed = false

  init(workers: Int, largestBatch: Int, longestQueue: Int) {
    self.workers = workers
    self.largestBatch = largestBatch
    self.longestQueue = longestQueue
  }

  /// The number of waiting entries.
  var depth: Int { waiting.count }

  /// Whether no entry waits and no worker is busy.
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

  /// The next batch for a worker that has finished one, or nil if the worker is now free.
  mutating func next() -> [Entry]? {
    guard depth > 0 else {
      busyWorkers -= 1
      return nil
    }
    let batch = Array(waiting.prefix(largestBatch))
    waiting.removeFirst(batch.count)
    return batch
  }

  /// Removes waiting entries from the front for as long as `isLate` is true.
  mutating func abandon(while isLate: (Entry) -> Bool) -> [Entry] {
    let late = Array(waiting.prefix(while: isLate))
    waiting.removeFirst(late.count)
    return late
  }

  /// Rejects new entries.
  ///
  /// Waiting ones are still served.
  mutating func close() { isClosed = true }
}
