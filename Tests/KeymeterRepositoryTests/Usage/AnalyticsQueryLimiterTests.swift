import KeymeterDomain
import Synchronization
import Testing

@testable import KeymeterRepository

@Suite("Limiting concurrent analytics queries", .timeLimit(.minutes(1)))
struct AnalyticsQueryLimiterTests {
  @Test("Concurrent queries are limited, and waiting ones are admitted in order of arrival")
  func turns() async throws {
    let questions = AnalyticsQueryLimiter(atOnce: 2, longest: .seconds(60))
    let scene = Scene()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<6 {
        group.addTask { try await questions.answer(of: .numbered(number)) { try await scene.work(number) } }
        // One after another, so that the order of arrival is known.
        try await scene.until { questions.count == number + 1 }
      }
      #expect(scene.begun == [0, 1] && questions.count == 6)
      for number in 0..<6 {
        scene.end(number)
        try await scene.until { scene.begun.count == min(number + 3, 6) }
        #expect(scene.begun == Array(0..<min(number + 3, 6)))
      }
      try await group.waitForAll()
    }
    #expect(questions.count == 0)
  }

  @Test(
    "One organisation gets at most half of the slots and a bounded queue, and others come before its next query"
  )
  func shares() async throws {
    let questions = AnalyticsQueryLimiter(atOnce: 2, longest: .seconds(60))
    let scene = Scene()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<AnalyticsQueryLimiter.most {
        group.addTask { try await questions.answer(of: .numbered(1)) { try await scene.work(number) } }
        try await scene.until { questions.count == number + 1 }
      }
      try await scene.until { scene.begun == [0] }
      await #expect(throws: StoreError.self) { try await questions.answer(of: .numbered(1)) { () } }
      group.addTask { try await questions.answer(of: .numbered(2)) { try await scene.work(100) } }
      try await scene.until { scene.begun == [0, 100] }
      for number in [100] + Array(0..<AnalyticsQueryLimiter.most) { scene.end(number) }
      try await group.waitForAll()
    }
    #expect(questions.count == 0)
    #expect(scene.begun == [0, 100] + Array(1..<AnalyticsQueryLimiter.most))
  }

  @Test("A query that is cancelled while waiting or running, or that fails, frees its slot")
  func givenBack() async throws {
    let questions = AnalyticsQueryLimiter(atOnce: 1, longest: .seconds(60))
    for _ in 0..<20 {
      let scene = Scene()
      let first = Task { try await questions.answer(of: .numbered(1)) { try await scene.work(1) } }
      try await scene.until { scene.begun == [1] }
      let others = (2...4).map { number in
        Task { try await questions.answer(of: .numbered(number)) { try await scene.work(number) } }
      }
      try await scene.until { questions.count == 4 }
      for other in others.dropLast() { other.cancel() }
      for other in others.dropLast() {
        await #expect(throws: CancellationError.self) { try await other.value }
      }
      first.cancel()
      await #expect(throws: CancellationError.self) { try await first.value }
      try await scene.until { scene.begun == [1, 4] }
      scene.end(4)
      try await others[2].value
      await #expect(throws: Failed.self) { try await questions.answer(of: .numbered(0)) { throw Failed() } }
      #expect(try await questions.answer(of: .numbered(0)) { 7 } == 7)
    }
  }

  @Test("Cancellation at any time loses no slot and grants none twice")
  func anyMoment() async throws {
    let questions = AnalyticsQueryLimiter(atOnce: 3, longest: .seconds(60))
    let scene = Scene()
    await withTaskGroup { group in
      for number in 0..<500 {
        group.addTask {
          let task = Task { try await questions.answer(of: .numbered(number)) { try await scene.pass() } }
          for _ in 0..<(number % 7) { await Task.yield() }
          if number % 2 == 0 { task.cancel() }
          _ = await task.result
        }
      }
    }
    #expect((1...3).contains(scene.most) && questions.count == 0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<3 {
        group.addTask { try await questions.answer(of: .numbered(number)) { try await scene.work(number) } }
      }
      try await scene.until { scene.begun.count == 3 }
      for number in 0..<3 { scene.end(number) }
      try await group.waitForAll()
    }
  }

  @Test("A query past its deadline is ended, waiting or running, and frees its slot")
  func time() async throws {
    let questions = AnalyticsQueryLimiter(atOnce: 1, longest: .milliseconds(200))
    let scene = Scene()
    let ends = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<4 {
        group.addTask {
          do {
            try await questions.answer(of: .numbered(number)) { try await scene.work(number) }
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
    #expect(questions.count == 0)
    // A busy machine may exceed the deadline without any work, but not always.
    try await scene.until { (try? await questions.answer(of: .numbered(0)) { true }) ?? false }
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
