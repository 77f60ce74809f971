public import KeymeterDomain
import Synchronization

/// Admits requests in batches: what arrives while a batch is under way forms the next one.
///
/// A batch is one statement and one commit, however many requests it holds, and only then are they answered. Nothing
/// about a key is kept between batches.
public final class AdmissionBatcher: AdmissionControl {
  /// How the batcher is bounded.
  public struct Options: Sendable {
    /// How many batches may be under way at once, each on a connection of its own.
    public var workers: Int
    /// The most requests of one batch: small enough that a node works on the answers to one while PostgreSQL is at
    /// the next.
    public var largestBatch: Int
    /// The most requests that wait; one more is answered as unavailable at once.
    public var longestQueue: Int

    /// Bounds that suit a node of two to eight processors.
    public init(workers: Int = 2, largestBatch: Int = 96, longestQueue: Int = 8_192) {
      self.workers = workers
      self.largestBatch = largestBatch
      self.longestQueue = longestQueue
    }
  }

  /// What a worker does: takes batches from its source and answers each, until the source has no more.
  typealias Worker = @Sendable (BatchSource) async -> Void

  private let shared: SharedBatches

  /// A batcher that starts its workers at once; `drain` ends them.
  init(options: Options, observer: (any AdmissionObserver)? = nil, worker: @escaping Worker) {
    let shared = SharedBatches(options, observer: observer)
    self.shared = shared
    for _ in 0..<options.workers {
      Task { await worker(BatchSource(shared: shared)) }
    }
  }

  /// Judges one request together with those that wait beside it.
  ///
  /// - Throws: `StoreError.unavailable` where the database is, where too many wait, or where the node is stopping.
  public func admit(_ request: AdmissionRequest) async throws -> Admission {
    try await withCheckedThrowingContinuation { continuation in
      admit(request) { continuation.resume(with: $0) }
    }
  }

  /// Does the same for a caller that doesn't wait; `complete` is called on a connection's thread, or at once.
  public func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    shared.arrive(AdmissionBatch.Entry(request: request, arrival: .now, complete: complete))
  }

  /// Takes no more requests, and returns when all that were taken are answered.
  public func drain() async { await shared.drain() }

  /// How many requests wait at present.
  public var depth: Int { shared.depth }
}

/// Requests that are judged together.
struct AdmissionBatch: Sendable {
  struct Entry: Sendable {
    let request: AdmissionRequest
    let arrival: ContinuousClock.Instant
    let complete: @Sendable (Result<Admission, any Error>) -> Void
  }

  let entries: [Entry]

  var requests: [AdmissionRequest] { entries.map(\.request) }

  /// The same requests, each alone.
  var singles: [AdmissionBatch] { entries.map { AdmissionBatch(entries: [$0]) } }

  /// How long each request has waited until now.
  var waits: [Duration] {
    let now = ContinuousClock.now
    return entries.map { $0.arrival.duration(to: now) }
  }

  /// Gives each request its answer; `admissions` are as many, in the same order.
  func answer(_ admissions: [Result<Admission, any Error>]) {
    for (entry, admission) in zip(entries, admissions) { entry.complete(admission) }
  }

  func fail(_ error: any Error) {
    for entry in entries { entry.complete(.failure(error)) }
  }
}

/// One worker's view of the queue.
struct BatchSource: Sendable {
  fileprivate let shared: SharedBatches

  /// The next batch, as soon as there is one; `nil` when there will be none.
  ///
  /// The caller goes on where it is: on a connection's own thread, if that is where it waits.
  ///
  /// - Parameter finished: whether the worker has just answered a batch.
  func next(finished: Bool, isolation: isolated (any Actor)? = #isolation) async -> AdmissionBatch? {
    let batch = await withCheckedContinuation { shared.next(finished: finished, $0) }
    if let batch, let observer = shared.observer { observer.began(waits: batch.waits) }
    return batch
  }

  /// Fails a batch because the database can't be used, and with it whoever has waited for long already.
  func fail(_ batch: AdmissionBatch, _ error: any Error) {
    batch.fail(error)
    shared.abandonLate(error)
  }
}

/// The queue and the workers that wait for it.
private final class SharedBatches: Sendable {
  private struct State {
    var queue: BatchQueue<AdmissionBatch.Entry>
    /// Batches for workers that are free but have not asked yet.
    var ready: [AdmissionBatch] = []
    var waitingWorkers: [CheckedContinuation<AdmissionBatch?, Never>] = []
    var draining: [CheckedContinuation<Void, Never>] = []
    var isClosed = false

    /// What waits for nothing but the end, if that has come.
    mutating func takeEnded() -> (
      workers: [CheckedContinuation<AdmissionBatch?, Never>], drains: [CheckedContinuation<Void, Never>]
    ) {
      guard isClosed, queue.isIdle, ready.isEmpty else { return ([], []) }
      defer { (waitingWorkers, draining) = ([], []) }
      return (waitingWorkers, draining)
    }
  }

  /// Who has waited for longer than this when a batch fails waits no more.
  ///
  /// A database that is frozen would let each following batch wait as long again; one that lost a connection serves
  /// the others at once.
  private static let patience = Duration.seconds(1)

  let observer: (any AdmissionObserver)?
  private let state: Mutex<State>

  init(_ options: AdmissionBatcher.Options, observer: (any AdmissionObserver)?) {
    self.observer = observer
    state = Mutex(
      State(
        queue: BatchQueue(
          workers: options.workers, largestBatch: options.largestBatch, longestQueue: options.longestQueue)))
  }

  var depth: Int { state.withLock { $0.queue.depth } }

  func arrive(_ entry: AdmissionBatch.Entry) {
    enum Outcome {
      case settled
      case wakes(CheckedContinuation<AdmissionBatch?, Never>, AdmissionBatch)
      case overloaded
      case refused(String)
    }
    let outcome = state.withLock { state -> Outcome in
      switch state.queue.arrive(entry) {
      case .wait: return .settled
      case .overloaded: return .overloaded
      case .closed: return .refused("the node is stopping")
      case .run(let entries):
        let batch = AdmissionBatch(entries: entries)
        if let worker = state.waitingWorkers.popLast() { return .wakes(worker, batch) }
        state.ready.append(batch)
        return .settled
      }
    }
    switch outcome {
    case .settled: break
    case .wakes(let worker, let batch): worker.resume(returning: batch)
    case .overloaded:
      observer?.refused()
      entry.complete(.failure(StoreError.unavailable(reason: "too many requests wait")))
    case .refused(let reason): entry.complete(.failure(StoreError.unavailable(reason: reason)))
    }
  }

  func next(finished: Bool, _ worker: CheckedContinuation<AdmissionBatch?, Never>) {
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

  func abandonLate(_ error: any Error) {
    let latest = ContinuousClock.now.advanced(by: .zero - Self.patience)
    let late = state.withLock { $0.queue.abandon { $0.arrival < latest } }
    AdmissionBatch(entries: late).fail(error)
  }

  func drain() async {
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
}
