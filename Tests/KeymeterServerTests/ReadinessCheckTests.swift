import KeymeterHandlers
import Synchronization
import Testing

@testable import KeymeterServer

@Suite("Readiness check", .timeLimit(.minutes(10)))
struct ReadinessCheckTests {
  @Test("A lost database is noticed within 2 s")
  func bound() {
    #expect(ReadinessCheck.interval + ReadinessCheck.longestWait < .seconds(2))
    #expect(ReadinessCheck.longestWait <= .seconds(1))
  }

  @Test("If the database never answers, every caller gets database_too_slow at the time limit")
  func neverAnswered() async throws {
    let database = GatedDatabase()
    let sleeps = Sleeps()
    let check = ReadinessCheck(probing: database.ask, sleep: sleeps.sleep)
    for round in 1...3 {
      async let first = check.check()
      async let second = check.check()
      try await until { sleeps.durations.count >= round * 2 }
      sleeps.wakeAll()
      #expect(await [first, second] == Array(repeating: .notReady(reason: "database_too_slow"), count: 2))
    }
    #expect(sleeps.durations.allSatisfy { $0 == ReadinessCheck.longestWait })
    #expect(database.queries == 1, "a later caller joins the query in flight")
    database.answer(.ready)
    while await check.check() != .ready { try Task.checkCancellation() }
  }

  @Test("Concurrent callers share one query, and a later caller triggers a new one")
  func oneQuestion() async throws {
    let database = GatedDatabase()
    let sleeps = Sleeps()
    let check = ReadinessCheck(probing: database.ask, sleep: sleeps.sleep)
    let asking = (0..<50).map { _ in Task { await check.check() } }
    // A caller that sleeps has already joined the query.
    try await until { sleeps.durations.count >= 50 }
    database.answer(.notReady(reason: "schema_outdated"))
    for task in asking { #expect(await task.value == .notReady(reason: "schema_outdated")) }
    #expect(database.queries == 1)
    database.answer(.ready)
    #expect(await check.check() == .ready)
    #expect(database.queries == 2)
  }

  @Test("No result is cached")
  func fresh() async {
    let box = Box([.ready, .notReady(reason: "database_unavailable"), .ready])
    let reports = Reports()
    let check = ReadinessCheck(probing: { box.next() }, sleep: Sleeps().sleep, found: reports.add)
    #expect(await check.check() == .ready)
    #expect(await check.check() == .notReady(reason: "database_unavailable"))
    #expect(await check.check() == .ready)
    #expect(reports.all == [.ready, .notReady(reason: "database_unavailable"), .ready])
  }

  @Test("The node checks periodically by itself and reports each result")
  func unasked() async throws {
    let sleeps = Sleeps()
    let reports = Reports()
    let check = ReadinessCheck(probing: { .ready }, sleep: sleeps.sleep, found: reports.add)
    let running = Task { try await check.run() }
    for round in 1...3 {
      try await until { reports.all.count >= round && sleeps.isAsleep(for: ReadinessCheck.interval) }
      sleeps.wakeAll()
    }
    running.cancel()
    try await running.value
  }
}

/// Waits for a condition until the test's time limit.
private func until(_ condition: () -> Bool) async throws {
  while !condition() {
    try Task.checkCancellation()
    await Task.yield()
  }
}

/// A database that answers once the test says so, and at once from then on.
private final class GatedDatabase: Sendable {
  private struct State {
    var queries = 0
    var answer: Readiness?
    var waiting: [CheckedContinuation<Readiness, Never>] = []
  }

  private let state = Mutex(State())

  var queries: Int { state.withLock { $0.queries } }

  @Sendable func ask() async -> Readiness {
    await withCheckedContinuation { continuation in
      let answer = state.withLock { state in
        state.queries += 1
        if state.answer == nil { state.waiting.append(continuation) }
        return state.answer
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  func answer(_ readiness: Readiness) {
    let waiting = state.withLock { state in
      state.answer = readiness
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume(returning: readiness) }
  }
}

/// A clock that stands still until the test wakes its sleepers.
private final class Sleeps: Sendable {
  private struct State {
    var durations: [Duration] = []
    /// The current sleepers, by their position in `durations`.
    var asleep: Set<Int> = []
  }

  private let state = Mutex(State())

  var durations: [Duration] { state.withLock { $0.durations } }

  @Sendable func sleep(_ duration: Duration) async throws {
    let position = state.withLock { state in
      state.durations.append(duration)
      state.asleep.insert(state.durations.count)
      return state.durations.count
    }
    while state.withLock({ $0.asleep.contains(position) }) {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  func isAsleep(for duration: Duration) -> Bool {
    state.withLock { state in state.asleep.contains { state.durations[$0 - 1] == duration } }
  }

  func wakeAll() { state.withLock { $0.asleep = [] } }
}

/// A queue of results.
private final class Box: Sendable {
  private let answers: Mutex<[Readiness]>

  init(_ answers: [Readiness]) { self.answers = Mutex(answers) }

  func next() -> Readiness { answers.withLock { $0.isEmpty ? .ready : $0.removeFirst() } }
}

/// The reported results, in order.
private final class Reports: Sendable {
  private let results = Mutex<[Readiness]>([])

  var all: [Readiness] { results.withLock { $0 } }

  @Sendable func add(_ readiness: Readiness) { results.withLock { $0.append(readiness) } }
}
