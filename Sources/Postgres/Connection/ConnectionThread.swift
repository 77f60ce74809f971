/// The executor of one connection: a dedicated thread that runs the actor's jobs, which may block.
///
/// The thread ends after ``retire(_:)``. A job that arrives later, from a call on a closed connection, gets a
/// short-lived thread. So no caller waits forever and no thread leaks.
final class ConnectionThread: SerialExecutor {
  private enum Work {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private struct State {
    var work: [Work] = []
    var isRunning = true
    var isRetired = false
  }

  private let state = Monitor(State())

  private init() {}

  /// Starts the thread.
  ///
  /// Nil if the system can't create one.
  static func start() -> ConnectionThread? {
    let thread = ConnectionThread()
    return DetachedThread.start({ thread.runUntilRetired() }) ? thread : nil
  }

  func enqueue(_ job: consuming ExecutorJob) {
    add(.job(UnownedJob(job)), retiring: false)
  }

  /// Runs `last` after all queued jobs, then lets the thread end.
  ///
  /// Without this call the thread keeps itself and this object alive forever.
  func retire(_ last: @escaping @Sendable () -> Void) {
    add(.closure(last), retiring: true)
  }

  private func add(_ work: Work, retiring: Bool) {
    let mustStart = state.change { state in
      state.work.append(work)
      if retiring { state.isRetired = true }
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard mustStart else { return }
    if !DetachedThread.start({ self.runUntilRetired() }) {
      // Without a thread the job must run here, or its caller would wait forever. It doesn't block: this
      // happens only after retirement, when the connection is closed.
      runUntilEmpty()
    }
  }

  private func runUntilRetired() {
    while let work = state.wait(until: nextOrEnd) {
      run(work)
    }
  }

  private func runUntilEmpty() {
    while let work = state.change(nextOrEndWhenEmpty) {
      run(work)
    }
  }

  private func run(_ work: Work) {
    switch work {
    case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
    case .closure(let closure): closure()
    }
  }

  /// The next job, `.some(nil)` to end the thread, or nil to wait.
  private func nextOrEnd(_ state: inout State) -> Work?? {
    if state.work.isEmpty && !state.isRetired { return nil }
    return .some(nextOrEndWhenEmpty(&state))
  }

  private func nextOrEndWhenEmpty(_ state: inout State) -> Work? {
    if state.work.isEmpty {
      state.isRunning = false
      return nil
    }
    return state.work.removeFirst()
  }
}
