#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

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

/// A thread outside the cooperative pool, for calls that block.
enum DetachedThread {
  /// In bytes.
  ///
  /// Only touched pages use real memory, but name resolution and TLS need more than a few.
  private static let stackSize = 512 * 1024

  private final class Body {
    let run: @Sendable () -> Void

    init(run: @escaping @Sendable () -> Void) {
      self.run = run
    }
  }

  /// Starts a thread that runs `body` and then ends.
  ///
  /// Returns false if the system can't create it.
  static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let argument = Unmanaged.passRetained(Body(run: body))
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(&thread, &attributes, { DetachedThread.main($0) }, argument.toOpaque())
    #else
      var thread = pthread_t()
      let status = pthread_create(&thread, &attributes, { DetachedThread.main($0) }, argument.toOpaque())
    #endif
    if status != 0 { argument.release() }
    return status == 0
  }

  private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument {
      Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
    }
    return nil
  }
}

/// State behind a mutex, with a condition variable to wait for changes.
///
/// `Synchronization.Mutex` has no condition variable, so this uses the POSIX pair. It is `@unchecked` because
/// the compiler can't see that the pointers are used only under the mutex.
final class Monitor<State>: @unchecked Sendable {
  private var state: State
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(_ state: sending State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Calls `body` with the state, then wakes the waiting thread, if any.
  func change<Result>(_ body: (inout State) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let result = body(&state)
    pthread_cond_signal(condition)
    return result
  }

  /// Blocks the calling thread until `body`, called at each change, returns a value.
  func wait<Result>(until body: (inout State) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&state) { return result }
      pthread_cond_wait(condition, mutex)
    }
  }
}
