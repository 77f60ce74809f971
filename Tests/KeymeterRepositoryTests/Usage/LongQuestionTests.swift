import KeymeterDomain
import Synchronization
import Testing

@testable import KeymeterRepository

@Suite("Questions that take long", .timeLimit(.minutes(1)))
struct LongQuestionTests {
  @Test("So many are under way at once; the others have their turn as these end, in the order of coming")
  func turns() async throws {
    let questions = AnalyticsQueryLimiter(atOnce: 2, longest: .seconds(60))
    let scene = Scene()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<6 {
        group.addTask { try await questions.answer(of: .numbered(number)) { try await scene.work(number) } }
        // One after the other, so that there is an order of coming.
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

  @Test("Half of the places are one organisation's at most, however many it asks; others are before its next")
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

  @Test("One that is called off, waiting or under way, or that fails, is in nobody's way afterwards")
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

  @Test("Cancelled at any moment, no place is lost and none is held twice")
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

  @Test("One that is not answered in its time is ended, and so is one that waits; then there is room again")
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
    // A busy machine may take longer than that for nothing, though not always.
    try await scene.until { (try? await questions.answer(of: .numbered(0)) { true }) ?? false }
  }
}

extension OrganisationID {
  fileprivate static func numbered(_ number: Int) -> OrganisationID {
    OrganisationID(rawValue: "org_\(number)")
  }
}

private struct Failed: Error {}

/// Work that is under way until it is told to end, and what is known of it.
private final class Scene: Sendable {
  private struct State {
    var begun: [Int] = []
    var ended: Set<Int> = []
    var now = 0
    var most = 0
  }

  private let state = Mutex(State())

  /// The numbers of what has begun, in this order.
  var begun: [Int] { state.withLock { $0.begun } }
  /// The most that were under way together.
  var most: Int { state.withLock { $0.most } }

  func end(_ number: Int) { state.withLock { _ = $0.ended.insert(number) } }

  /// Goes on until `end` is called with the same number.
  ///
  /// - Throws: `CancellationError`.
  func work(_ number: Int) async throws {
    state.withLock { $0.begun.append(number) }
    try await until { self.state.withLock { $0.ended.contains(number) } }
  }

  /// Goes on for a moment.
  func pass() async throws {
    state.withLock { state in
      state.now += 1
      state.most = max(state.most, state.now)
    }
    defer { state.withLock { $0.now -= 1 } }
    try await Task.sleep(for: .microseconds(200))
  }

  /// Waits for `condition`, for as long as the suite may take.
  func until(_ condition: () async -> Bool) async throws {
    while !(await condition()) { try await Task.sleep(for: .milliseconds(1)) }
  }
}
