import KeymeterDomain
import Synchronization
import Testing

@testable import KeymeterRepository

/// A worker whose database is a closure.
private func worker(
  _ execute: @escaping @Sendable ([AdmissionRequest]) async throws -> [Admission]
) -> AdmissionBatcher.Worker {
  { source in
    var batch = await source.next(finished: false)
    while let current = batch {
      do {
        current.answer(try await execute(current.requests).map { .success($0) })
      } catch {
        source.fail(current, error)
      }
      batch = await source.next(finished: true)
    }
  }
}

@Suite("The admission batcher", .timeLimit(.minutes(10)))
struct AdmissionBatcherTests {
  @Test("Requests that arrive while a batch runs form the next batch")
  func batches() async throws {
    let database = HeldDatabase()
    let batcher = AdmissionBatcher(
      options: .init(workers: 1), worker: worker { try await database.execute($0) })
    async let first = batcher.admit(.charging(1))
    await database.waitForBatches(1)
    let others = (2...9).map { number in Task { try await batcher.admit(.charging(Int64(number))) } }
    while batcher.depth < 8 { await Task.yield() }
    database.release()
    _ = try await first
    for other in others { _ = try await other.value }
    #expect(database.sizes == [1, 8])
  }

  @Test("Each caller gets its own result")
  func ownAnswers() async throws {
    let batcher = AdmissionBatcher(
      options: .init(workers: 2, largestBatch: 7),
      worker: worker { requests in
        await Task.yield()
        return requests.map { .admitted(.used($0.charge.requests)) }
      })
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<500 {
        group.addTask {
          let admission = try await batcher.admit(.charging(Int64(number)))
          #expect(admission == .admitted(.used(Int64(number))))
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("A request that finds the queue full is rejected at once as unavailable")
  func overloaded() async throws {
    let database = HeldDatabase()
    let batcher = AdmissionBatcher(
      options: .init(workers: 1, longestQueue: 2), worker: worker { try await database.execute($0) })
    let waiting = (1...3).map { number in Task { try await batcher.admit(.charging(Int64(number))) } }
    while batcher.depth < 2 { await Task.yield() }
    await #expect(throws: StoreError.unavailable(reason: "too many requests are waiting")) {
      try await batcher.admit(.charging(4))
    }
    database.release()
    for task in waiting { _ = try await task.value }
  }

  @Test(
    "The observer sees each batch's size, each request's wait and each rejection by a full queue once")
  func observed() async throws {
    let database = HeldDatabase()
    let observer = RecordingObserver()
    let batcher = AdmissionBatcher(
      options: .init(workers: 1, longestQueue: 3), observer: observer,
      worker: worker { try await database.execute($0) })
    let first = Task { try await batcher.admit(.charging(1)) }
    await database.waitForBatches(1)
    let waiting = (1...3).map { number in Task { try await batcher.admit(.charging(Int64(number))) } }
    while batcher.depth < 3 { await Task.yield() }
    let allWaited = ContinuousClock.now
    for _ in 0..<2 { await #expect(throws: StoreError.self) { try await batcher.admit(.charging(4)) } }
    // Every request has waited at least as long as all of them together.
    let least = allWaited.duration(to: .now)
    database.release()
    for task in [first] + waiting { _ = try await task.value }
    let batches = observer.batches
    #expect(batches.map(\.count) == [1, 3])
    #expect(batches.first?.allSatisfy { $0 >= .zero } == true)
    #expect(batches.last?.allSatisfy { $0 >= least } == true)
    #expect(observer.rejections == 2)
    // A drained batcher also rejects, but not because of a full queue.
    await batcher.drain()
    await #expect(throws: StoreError.self) { try await batcher.admit(.charging(5)) }
    #expect(observer.rejections == 2)
  }

  @Test("Draining completes the accepted requests and rejects new ones")
  func drain() async throws {
    let database = HeldDatabase()
    let batcher = AdmissionBatcher(
      options: .init(workers: 1), worker: worker { try await database.execute($0) })
    let taken = (1...5).map { number in Task { try await batcher.admit(.charging(Int64(number))) } }
    while batcher.depth < 4 { await Task.yield() }
    let draining = Task { await batcher.drain() }
    database.release()
    await draining.value
    for task in taken { _ = try await task.value }
    await #expect(throws: StoreError.unavailable(reason: "the node is shutting down")) {
      try await batcher.admit(.charging(6))
    }
  }
}

/// Records what the batcher reports.
private final class RecordingObserver: AdmissionObserver {
  private let recorded = Mutex<(batches: [[Duration]], rejections: Int)>(([], 0))

  var batches: [[Duration]] { recorded.withLock { $0.batches } }
  var rejections: Int { recorded.withLock { $0.rejections } }

  func began(waits: [Duration]) { recorded.withLock { $0.batches.append(waits) } }
  func rejected() { recorded.withLock { $0.rejections += 1 } }
}

/// Holds batches until it is released, and records their sizes.
private final class HeldDatabase: Sendable {
  private struct State {
    var sizes: [Int] = []
    var isReleased = false
    var held: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  var sizes: [Int] { state.withLock { $0.sizes } }

  func execute(_ requests: [AdmissionRequest]) async throws -> [Admission] {
    await withCheckedContinuation { continuation in
      let goes = state.withLock { state in
        state.sizes.append(requests.count)
        if !state.isReleased { state.held.append(continuation) }
        return state.isReleased
      }
      if goes { continuation.resume() }
    }
    return requests.map { .admitted(.used($0.charge.requests)) }
  }

  func waitForBatches(_ count: Int) async {
    while sizes.count < count { await Task.yield() }
  }

  func release() {
    let held = state.withLock { state in
      state.isReleased = true
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }
}

extension AdmissionRequest {
  fileprivate static func charging(_ requests: Int64) -> AdmissionRequest {
    AdmissionRequest(hashes: [], charge: Amounts(requests: requests))
  }
}

extension KeyUsageSnapshot {
  fileprivate static func used(_ requests: Int64) -> KeyUsageSnapshot {
    KeyUsageSnapshot(
      keyID: KeyID(rawValue: "key_x"), organisationID: OrganisationID(rawValue: "org_x"),
      environment: .production,
      scopes: [], limits: .unrestricted, used: Amounts(requests: requests),
      judgedAt: Timestamp(microseconds: 0))
  }
}
