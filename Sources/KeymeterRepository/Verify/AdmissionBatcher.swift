public import KeymeterDomain
import Synchronization

/// Admits requests in batches: requests that arrive while a batch runs form the next one.
///
/// A batch is one statement and one commit, regardless of its size. Its requests are answered only after the
/// commit. No state about a key is kept between batches.
public final class AdmissionBatcher: AdmissionControl {
  /// The batcher's limits.
  public struct Options: Sendable {
    /// The number of workers, each with its own connection and one batch at a time.
    public var workers: Int
    /// The maximum batch size.
    ///
    /// Small enough that a node can write one batch's responses while PostgreSQL runs the next.
    public var largestBatch: Int
    /// The maximum queue length.
    ///
    /// Further requests are answered as unavailable at once.
    public var longestQueue: Int

    /// Defaults that suit a node with two to eight processors.
    public init(workers: Int = 2, largestBatch: Int = 96, longestQueue: Int = 8_192) {
      self.workers = workers
      self.largestBatch = largestBatch
      self.longestQueue = longestQueue
    }
  }

  /// A worker's loop: takes batches from its source and answers each, until the source ends.
  typealias Worker = @Sendable (BatchSource) async -> Void

  private struct State {
    var queue: BatchQueue<AdmissionBatch.Entry>
    /// Batches for workers that are free but have not yet asked for one.
    var ready: [AdmissionBatch] = []
    var waitingWorkers: [CheckedContinuation<AdmissionBatch?, Never>] = []
    var draining: [CheckedContinuation<Void, Never>] = []
    var isClosed = false

    /// The continuations to resume if everything has ended.
    mutating func takeEnded() -> (
      workers: [CheckedContinuation<AdmissionBatch?, Never>], drains: [CheckedContinuation<Void, Never>]
    ) {
      guard isClosed, queue.isIdle, ready.isEmpty else { return ([], []) }
      defer { (waitingWorkers, draining) = ([], []) }
      return (waitingWorkers, draining)
    }
  }

  /// Requests that have waited longer than this fail along with a failed batch.
  ///
  /// With a frozen database, each further batch would wait just as long. After a lost connection, the others
  /// are served at once.
  private static let patience = Duration.seconds(1)

  private let observer: (any AdmissionObserver)?
  private let state: Mutex<State>

  /// Creates a batcher and starts its workers.
  ///
  /// `drain` ends them.
  init(options: Options, observer: (any AdmissionObserver)? = nil, worker: @escaping Worker) {
    self.observer = observer
    state = Mutex(
      State(
        queue: BatchQueue(
          workers: options.workers, largestBatch: options.largestBatch, longestQueue: options.longestQueue)))
    for _ in 0..<options.workers {
      Task { await worker(BatchSource(batcher: self)) }
    }
  }

  /// Judges one request, batched with others that are waiting.
  ///
  /// - Throws: `StoreError.unavailable` if the database is unavailable, the queue is full, or the node is
  ///   shutting down.
  public func admit(_ request: AdmissionRequest) async throws -> Admission {
    try await withCheckedThrowingContinuation { continuation in
      admit(request) { continuation.resume(with: $0) }
    }
  }

  /// Like `admit`, for callers that don't await the result.
  ///
  /// `complete` is called on a connection's thread, or at once.
  public func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    enum Outcome {
      case queued
      case wakes(CheckedContinuation<AdmissionBatch?, Never>, AdmissionBatch)
      case overloaded
      case closed
    }
    let entry = AdmissionBatch.Entry(request: request, arrival: .now, complete: complete)
    let outcome = state.withLock { state -> Outcome in
      switch state.queue.arrive(entry) {
      case .wait: return .queued
      case .overloaded: return .overloaded
      case .closed: return .closed
      case .run(let entries):
        let batch = AdmissionBatch(entries: entries)
        if let worker = state.waitingWorkers.popLast() { return .wakes(worker, batch) }
        state.ready.append(batch)
        return .queued
      }
    }
    switch outcome {
    case .queued: break
    case .wakes(let worker, let batch): worker.resume(returning: batch)
    case .overloaded:
      observer?.rejected()
      complete(.failure(StoreError.unavailable(reason: "too many requests are waiting")))
    case .closed: complete(.failure(StoreError.unavailable(reason: "the node is shutting down")))
    }
  }

  /// Rejects new requests, and returns once all accepted ones are answered.
  public func drain() async {
    await withCheckedContinuation { continuation in
      let ended = state.withLock { state in
        state.isClosed = true
        state.queue.close()
        state.draining.append(continuation)
        return state.takeEnded()
      }
      for worker in ended.workers { worker.resume(returning: nil) }
      for drain in ended.drains { drain.resume() }
    }
  }

  /// The number of requests waiting.
  public var depth: Int { state.withLock { $0.queue.depth } }

  fileprivate func next(finished: Bool, _ worker: CheckedContinuation<AdmissionBatch?, Never>) {
    let (batch, ended) = state.withLock { state in
      if finished, let entries = state.queue.next() {
        return (AdmissionBatch(entries: entries) as AdmissionBatch?, state.takeEnded())
      }
      if !state.ready.isEmpty { return (state.ready.removeFirst(), state.takeEnded()) }
      state.waitingWorkers.append(worker)
      return (nil, state.takeEnded())
    }
    if let batch { worker.resume(returning: batch) }
    for worker in ended.workers { worker.resume(returning: nil) }
    for drain in ended.drains { drain.resume() }
  }

  fileprivate func began(_ batch: AdmissionBatch) {
    if let observer { observer.began(waits: batch.waits) }
  }

  fileprivate func abandonLate(_ error: any Error) {
    let latest = ContinuousClock.now.advanced(by: .zero - Self.patience)
    let late = state.withLock { $0.queue.abandon { $0.arrival < latest } }
    AdmissionBatch(entries: late).fail(error)
  }
}

/// A batch of requests that are judged together.
struct AdmissionBatch: Sendable {
  struct Entry: Sendable {
    let request: AdmissionRequest
    let arrival: ContinuousClock.Instant
    let complete: @Sendable (Result<Admission, any Error>) -> Void
  }

  let entries: [Entry]

  var requests: [AdmissionRequest] { entries.map(\.request) }

  /// Splits the batch into one batch per request.
  var singles: [AdmissionBatch] { entries.map { AdmissionBatch(entries: [$0]) } }

  /// How long each request has waited so far.
  var waits: [Duration] {
    let now = ContinuousClock.now
    return entries.map { $0.arrival.duration(to: now) }
  }

  /// Completes each request.
  ///
  /// `admissions` has the same length and order.
  func answer(_ admissions: [Result<Admission, any Error>]) {
    for (entry, admission) in zip(entries, admissions) { entry.complete(admission) }
  }

  func fail(_ error: any Error) {
    for entry in entries { entry.complete(.failure(error)) }
  }
}

/// One worker's view of the queue.
struct BatchSource: Sendable {
  fileprivate let batcher: AdmissionBatcher

  /// Waits for the next batch, or nil if there will be none.
  ///
  /// The caller resumes in its own isolation, such as a connection's thread.
  ///
  /// - Parameter finished: Whether the worker has just finished a batch.
  func next(finished: Bool, isolation: isolated (any Actor)? = #isolation) async -> AdmissionBatch? {
    let batch = await withCheckedContinuation { batcher.next(finished: finished, $0) }
    if let batch { batcher.began(batch) }
    return batch
  }

  /// Fails a batch because the database is unavailable, along with requests that have already waited too
  /// long.
  func fail(_ batch: AdmissionBatch, _ error: any Error) {
    batch.fail(error)
    batcher.abandonLate(error)
  }
}
