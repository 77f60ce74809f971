import KeymeterHandlers
import Synchronization
import Testing

@testable import KeymeterServer

@Suite("Whether the node is ready", .timeLimit(.minutes(1)))
struct ReadinessCheckTests {
  @Test("The loss of the database is noticed within 2 s: unasked, and at the latest by who asks")
  func bound() {
    #expect(ReadinessCheck.interval + ReadinessCheck.longestWait < .seconds(2))
    #expect(ReadinessCheck.longestWait <= .seconds(1))
  }

  @Test("A database that never answers is too slow once the longest wait is over, for everybody who asks")
  func neverAnswered() async throws {
    let database = HeldDatabase()
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
    #expect(database.questions == 1, "who asks again waits for the question that is under way")
    database.answer(.ready)
    while await check.check() != .ready { try Task.checkCancellation() }
  }

  @Test("However many ask at once, the database is asked once; whoever asks later has it asked again")
  func oneQuestion() async throws {
    let database = HeldDatabase()
    let sleeps = Sleeps()
    let check = ReadinessCheck(probing: database.ask, sleep: sleeps.sleep)
    let asking = (0..<50).map { _ in Task { await check.check() } }
    // Who sleeps has joined in the question already.
    try await until { sleeps.durations.count >= 50 }
    database.answer(.notReady(reason: "schema_outdated"))
    for task in asking { #expect(await task.value == .notReady(reason: "schema_outdated")) }
    #expect(database.questions == 1)
    database.answer(.ready)
    #expect(await check.check() == .ready)
    #expect(database.questions == 2)
  }

  @Test("Nothing that was so before is answered again")
  func fresh() async {
    let box = Box([.ready, .notReady(reason: "database_unavailable"), .ready])
    let told = Told()
    let check = ReadinessCheck(probing: { box.next() }, sleep: Sleeps().sleep, found: told.tell)
    #expect(await check.check() == .ready)
    #expect(await check.check() == .notReady(reason: "database_unavailable"))
    #expect(await check.check() == .ready)
    #expect(told.all == [.ready, .notReady(reason: "database_unavailable"), .ready])
  }

  @Test("The node looks by itself, again and again, and tells what it finds")
  func unasked() async throws {
    let sleeps = Sleeps()
    let told = Told()
    let check = ReadinessCheck(probing: { .ready }, sleep: sleeps.sleep, found: told.tell)
    let running = Task { try await check.run() }
    for round in 1...3 {
      try await until { told.all.count >= round && sleeps.isAsleep(for: ReadinessCheck.interval) }
      sleeps.wakeAll()
    }
    running.cancel()
    try await running.value
  }
}

/// Waits for a condition, as long as the test may.
private func until(_ condition: () -> Bool) async throws {
  while !condition() {
    try Task.checkCancellation()
    await Task.yield()
  }
}

/// A database that answers when the test says so, then at once.
private final class HeldDatabase: Sendable {
  private struct State {
    var questions = 0
    var answer: Readiness?
    var waiting: [CheckedContinuation<Readiness, Never>] = []
  }

  private let state = Mutex(State())

  var questions: Int { state.withLock { $0.questions } }

  @Sendable func ask() async -> Readiness {
    await withCheckedContinuation { continuation in
      let answer = state.withLock { state in
        state.questions += 1
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

/// A clock that stands still until the test wakes who sleeps by it.
private final class Sleeps: Sendable {
  private struct State {
    var durations: [Duration] = []
    /// Who sleeps, by the place in `durations`.
    var asleep: Set<Int> = []
  }

  private let state = Mutex(State())

  var durations: [Duration] { state.withLock { $0.durations } }

  @Sendable func sleep(_ duration: Duration) async throws {
    let place = state.withLock { state in
      state.durations.append(duration)
      state.asleep.insert(state.durations.count)
      return state.durations.count
    }
    while state.withLock({ $0.asleep.contains(place) }) {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  func isAsleep(for duration: Duration) -> Bool {
    state.withLock { state in state.asleep.contains { state.durations[$0 - 1] == duration } }
  }

  func wakeAll() { state.withLock { $0.asleep = [] } }
}

/// Answers that are given one after the other.
private final class Box: Sendable {
  private let answers: Mutex<[Readiness]>

  init(_ answers: [Readiness]) { self.answers = Mutex(answers) }

  func next() -> Readiness { answers.withLock { $0.isEmpty ? .ready : $0.removeFirst() } }
}

/// What was told, in order.
private final class Told: Sendable {
  private let told = Mutex<[Readiness]>([])

  var all: [Readiness] { told.withLock { $0 } }

  @Sendable func tell(_ readiness: Readiness) { told.withLock { $0.append(readiness) } }
}
