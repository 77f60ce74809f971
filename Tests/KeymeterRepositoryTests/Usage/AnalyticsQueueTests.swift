import KeymeterDomain
import Synchronization
import Testing

@testable import KeymeterRepository

@Suite("The analytics queue", .timeLimit(.minutes(10)))
struct AnalyticsQueueTests {
  @Test("An organisation's queries run one at a time in order of arrival, and others don't wait for them")
  func turns() async throws {
    let queue = AnalyticsQueue(longest: .seconds(60))
    let scene = Scene()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask { try await queue.run(for: .numbered(1)) { try await scene.work(number) } }
        // One after another, so that the order of arrival is known.
        try await scene.until { queue.count == number + 1 }
      }
      try await scene.until { scene.begun == [0] }
      group.addTask { try await queue.run(for: .numbered(2)) { try await scene.work(100) } }
      try await scene.until { scene.begun == [0, 100] }
      for number in 0..<4 {
        scene.end(number)
        try await scene.until { scene.begun.count == min(number + 3, 5) }
      }
      scene.end(100)
      try await group.waitForAll()
    }
    #expect(scene.begun == [0, 100, 1, 2, 3])
    #expect(queue.count == 0)
  }

  @Test("An organisation with too many queries gets an error at once")
  func bounded() async throws {
    let queue = AnalyticsQueue(longest: .seconds(60))
    let scene = Scene()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<AnalyticsQueue.most {
        group.addTask { try await queue.run(for: .numbered(1)) { try await scene.work(number) } }
      }
      try await scene.until { queue.count == AnalyticsQueue.most }
      await #expect(throws: StoreError.self) { try await queue.run(for: .numbered(1)) { () } }
      #expect(try await queue.run(for: .numbered(2)) { 7 } == 7)
      for number in 0..<AnalyticsQueue.most { scene.end(number) }
      try await group.waitForAll()
    }
    #expect(try await queue.run(for: .numbered(1)) { 7 } == 7)
  }

  @Test("A query that is cancelled while waiting or running, or that fails, lets the next one run")
  func givenBack() async throws {
    let queue = AnalyticsQueue(longest: .seconds(60))
    for _ in 0..<20 {
      let scene = Scene()
      var queries: [Task<Void, any Error>] = []
      for number in 1...4 {
        queries.append(Task { try await queue.run(for: .numbered(1)) { try await scene.work(number) } })
        try await scene.until { queue.count == number }
      }
      try await scene.until { scene.begun == [1] }
      for query in queries.dropLast() { query.cancel() }
      for query in queries.dropLast() {
        await #expect(throws: CancellationError.self) { try await query.value }
      }
      try await scene.until { scene.begun == [1, 4] }
      scene.end(4)
      try await queries[3].value
      await #expect(throws: Failed.self) { try await queue.run(for: .numbered(1)) { throw Failed() } }
      #expect(try await queue.run(for: .numbered(1)) { 7 } == 7)
    }
  }

  @Test("Cancellation at any time never lets two queries of an organisation run together")
  func anyMoment() async throws {
    let queue = AnalyticsQueue(longest: .seconds(60))
    let scene = Scene()
    await withTaskGroup { group in
      for number in 0..<500 {
        group.addTask {
          let task = Task { try await queue.run(for: .numbered(1)) { try await scene.pass() } }
          for _ in 0..<(number % 7) { await Task.yield() }
          if number % 2 == 0 { task.cancel() }
          _ = await task.result
        }
      }
    }
    #expect(scene.most == 1 && queue.count == 0)
  }

  @Test("A query past its deadline is ended, waiting or running, and lets the next one run")
  func time() async throws {
    let queue = AnalyticsQueue(longest: .milliseconds(200))
    let scene = Scene()
    let ends = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<4 {
        group.addTask {
          do {
            try await queue.run(for: .numbered(1)) { try await scene.work(number) }
            return false
          } catch {
            if case StoreError.unavailable = error { return true }
            return false
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(ends == [true, true, true, true])
    #expect(queue.count == 0)
    // A busy machine may exceed the deadline without any work, but not always.
    try await scene.until { (try? await queue.run(for: .numbered(1)) { true }) ?? false }
  }
}

extension OrganisationID {
  fileprivate static func numbered(_ number: Int) -> OrganisationID {
    OrganisationID(rawValue: "org_\(number)")
  }
}

private struct Failed: Error {}

/// Work that runs until a test ends it, and a record of it.
private final class Scene: Sendable {
  private struct State {
    var begun: [Int] = []
    var ended: Set<Int> = []
    var now = 0
    var most = 0
  }

  private let state = Mutex(State())

  /// The numbers of the started work items, in order.
  var begun: [Int] { state.withLock { $0.begun } }
  /// The highest number of work items that ran at the same time.
  var most: Int { state.withLock { $0.most } }

  func end(_ number: Int) { state.withLock { _ = $0.ended.insert(number) } }

  /// Runs until `end` is called with the same number.
  ///
  /// - Throws: `CancellationError`.
  func work(_ number: Int) async throws {
    state.withLock { $0.begun.append(number) }
    try await until { self.state.withLock { $0.ended.contains(number) } }
  }

  /// Runs for a moment.
  func pass() async throws {
    state.withLock { state in
      state.now += 1
      state.most = max(state.most, state.now)
    }
    defer { state.withLock { $0.now -= 1 } }
    try await Task.sleep(for: .microseconds(200))
  }

  /// Waits for `condition`, bounded by the suite's time limit.
  func until(_ condition: () async -> Bool) async throws {
    while !(await condition()) { try await Task.sleep(for: .milliseconds(1)) }
  }
}
