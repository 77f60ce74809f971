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
    public var lanes: Int
    /// The most requests of one batch.
    public var largestBatch: Int
    /// The most requests that wait; one more is answered as unavailable at once.
    public var longestQueue: Int

    /// Bounds that suit a node of two to eight processors.
    public init(lanes: Int = 2, largestBatch: Int = 256, longestQueue: Int = 8_192) {
      self.lanes = lanes
      self.largestBatch = largestBatch
      self.longestQueue = longestQueue
    }
  }

  /// Judges a batch and commits it: one answer a request, in their order.
  typealias Execution = @Sendable ([AdmissionRequest]) async throws -> [Admission]

  private struct Entry: Sendable {
    let request: AdmissionRequest
    let continuation: CheckedContinuation<Admission, any Error>
  }

  private struct State {
    var queue: BatchQueue<Entry>
    var drained: [CheckedContinuation<Void, Never>] = []
  }

  private let state: Mutex<State>
  private let execute: Execution

  init(options: Options, execute: @escaping Execution) {
    state = Mutex(
      State(
        queue: BatchQueue(
          lanes: options.lanes, largestBatch: options.largestBatch, longestQueue: options.longestQueue)))
    self.execute = execute
  }

  /// Judges one request together with those that wait beside it.
  ///
  /// - Throws: `StoreError.unavailable` where the database is, where too many wait, or where the node is stopping.
  public func admit(_ request: AdmissionRequest) async throws -> Admission {
    try await withCheckedThrowingContinuation { continuation in
      let entry = Entry(request: request, continuation: continuation)
      switch state.withLock({ $0.queue.arrive(entry) }) {
      case .run(let batch): Task { await self.work(beginningWith: batch) }
      case .wait: break
      case .overloaded:
        continuation.resume(throwing: StoreError.unavailable(reason: "too many requests wait"))
      case .closed: continuation.resume(throwing: StoreError.unavailable(reason: "the node is stopping"))
      }
    }
  }

  /// Takes no more requests, and returns when all that were taken are answered.
  public func drain() async {
    await withCheckedContinuation { continuation in
      let idle = state.withLock { state in
        state.queue.close()
        if !state.queue.isIdle { state.drained.append(continuation) }
        return state.queue.isIdle
      }
      if idle { continuation.resume() }
    }
  }

  /// How many requests wait at present.
  public var depth: Int { state.withLock { $0.queue.depth } }

  /// One lane's work: batch after batch, until nothing waits.
  private func work(beginningWith first: [Entry]) async {
    var batch: [Entry]? = first
    while let entries = batch {
      await answer(entries)
      batch = state.withLock { $0.queue.next() }
    }
    let drained = state.withLock { state in
      guard state.queue.isIdle else { return [CheckedContinuation<Void, Never>]() }
      defer { state.drained = [] }
      return state.drained
    }
    for continuation in drained { continuation.resume() }
  }

  private func answer(_ entries: [Entry]) async {
    do {
      let admissions = try await execute(entries.map(\.request))
      guard admissions.count == entries.count else { throw AnswersMissing() }
      for (entry, admission) in zip(entries, admissions) { entry.continuation.resume(returning: admission) }
    } catch let error as StoreError {
      // Whoever waits behind would wait as long again for the same: a bounded answer now is the honest one.
      let waiting = state.withLock { $0.queue.abandon() }
      for entry in entries + waiting { entry.continuation.resume(throwing: error) }
    } catch  where entries.count > 1 {
      // One request's fault must not be its neighbours': the batch was rolled back, so each goes alone.
      for entry in entries { await answer([entry]) }
    } catch {
      entries.first?.continuation.resume(throwing: error)
    }
  }
}

/// A batch came back with another number of answers than it had requests: a defect in the statement.
struct AnswersMissing: Error {}
