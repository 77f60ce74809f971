import KeymeterHandlers
import ServiceLifecycle
import Synchronization

/// Answers in bounded time whether the node can work, whatever its database does.
///
/// Each question is answered by asking the database: nothing that was so before counts. However many ask, the database
/// is asked once at a time.
final class ReadinessCheck: Service {
  /// How long an answer may take.
  ///
  /// With `interval` it bounds how late the loss of the database is noticed: in 2 s at most.
  static let longestWait = Duration.milliseconds(1_000)
  /// How long after one look the node looks again, unasked, for the metrics.
  static let interval = Duration.milliseconds(900)

  typealias Sleep = @Sendable (Duration) async throws -> Void

  private let ask: @Sendable () async -> Readiness
  private let sleep: Sleep
  private let found: @Sendable (Readiness) -> Void
  private let underWay = Mutex<Task<Readiness, Never>?>(nil)

  /// - Parameters:
  ///   - ask: asks the database; may take for ever.
  ///   - sleep: waits; a test's own clock.
  ///   - found: is told what was found, for the metrics.
  init(
    asking ask: @escaping @Sendable () async -> Readiness,
    sleep: @escaping Sleep = { try await Task.sleep(for: $0) },
    found: @escaping @Sendable (Readiness) -> Void = { _ in }
  ) {
    self.ask = ask
    self.sleep = sleep
    self.found = found
  }

  /// Looks again and again while the server runs.
  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        _ = await self.check()
        try? await self.sleep(Self.interval)
      }
    }
  }

  /// Whether the node can work.
  @Sendable func check() async -> Readiness {
    let question = question()
    let answer = FirstAnswer()
    let readiness = await withCheckedContinuation { continuation in
      answer.expect(continuation)
      let late = Task { [sleep] in
        guard (try? await sleep(Self.longestWait)) != nil else { return }
        answer.give(.notReady(reason: "database_too_slow"))
      }
      // Neither is waited for by anybody else: a question that is never answered holds up nobody.
      Task {
        answer.give(await question.value)
        late.cancel()
      }
    }
    found(readiness)
    return readiness
  }

  /// The question that is under way, or a new one.
  private func question() -> Task<Readiness, Never> {
    underWay.withLock { underWay in
      if let underWay { return underWay }
      let question = Task {
        let readiness = await ask()
        self.underWay.withLock { $0 = nil }
        return readiness
      }
      underWay = question
      return question
    }
  }
}

/// Resumes a continuation with the first of several answers.
private final class FirstAnswer: Sendable {
  private let waiting = Mutex<CheckedContinuation<Readiness, Never>?>(nil)

  func expect(_ continuation: CheckedContinuation<Readiness, Never>) {
    waiting.withLock { $0 = continuation }
  }

  func give(_ readiness: Readiness) {
    let continuation = waiting.withLock { waiting in
      defer { waiting = nil }
      return waiting
    }
    continuation?.resume(returning: readiness)
  }
}
