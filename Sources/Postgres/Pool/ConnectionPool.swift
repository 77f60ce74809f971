public import Logging
import Synchronization

/// A bounded pool of connections, each leased to one caller at a time.
///
/// It opens connections on demand and replaces broken ones, so it recovers when the database comes back.
/// ``PoolStateMachine`` makes the decisions and this class carries them out.
///
/// Returning a connection only rolls back an open transaction: session settings, temporary tables and advisory locks
/// remain for the next caller.
public final class ConnectionPool: Sendable {
  /// The pool's bounds.
  public struct Options: Sendable {
    /// The most connections at a time.
    public var maximumConnections: Int
    /// The longest wait for a connection.
    public var waitLimit: Duration
    /// How long a connection may be idle before ``ConnectionPool/run()`` closes it.
    public var maximumIdleTime: Duration
    /// How long after its last use ``ConnectionPool/run()`` checks an idle connection.
    public var idleCheckInterval: Duration
    /// How long ``ConnectionPool/close()`` waits for leased connections.
    public var closeLimit: Duration

    /// Creates options and raises `maximumConnections` to at least 1.
    public init(
      maximumConnections: Int = 8, waitLimit: Duration = .seconds(2),
      maximumIdleTime: Duration = .seconds(300), idleCheckInterval: Duration = .seconds(15),
      closeLimit: Duration = .seconds(10)
    ) {
      self.maximumConnections = max(1, maximumConnections)
      self.waitLimit = waitLimit
      self.maximumIdleTime = maximumIdleTime
      self.idleCheckInterval = idleCheckInterval
      self.closeLimit = closeLimit
    }
  }

  /// A snapshot of a pool's numbers.
  public struct Statistics: Sendable, Hashable {
    /// Connections leased to callers.
    public internal(set) var leased: Int
    /// Connections ready to be leased.
    public internal(set) var idle: Int
    /// Connections being established.
    public internal(set) var connecting: Int
    /// Callers waiting for a connection.
    public internal(set) var waiting: Int
  }

  private struct Lease: Sendable {
    let id: PoolStateMachine.ConnectionID
    let connection: Connection
  }

  private typealias Continuation = CheckedContinuation<Result<Lease, PostgresError>, Never>

  private struct State {
    var machine: PoolStateMachine
    var connections: [PoolStateMachine.ConnectionID: Connection] = [:]
    var waiters: [PoolStateMachine.WaiterID: Continuation] = [:]
    var closers: [CheckedContinuation<Void, Never>] = []
    var isWatchingDeadlines = false

    mutating func takeClosers() -> [CheckedContinuation<Void, Never>] {
      defer { closers = [] }
      return closers
    }
  }

  private let options: Options
  private let configuration: ConnectionConfiguration
  private let logger: Logger
  private let state: Mutex<State>
  private let lastWaiter = Atomic<UInt64>(0)

  /// Makes a pool that connects at its first use.
  ///
  /// - Parameters:
  ///   - configuration: How to connect.
  ///   - options: The pool's bounds.
  ///   - logger: Logs failed and lost connections.
  public init(configuration: ConnectionConfiguration, options: Options = Options(), logger: Logger) {
    self.configuration = configuration
    self.options = options
    self.logger = logger
    state = Mutex(State(machine: PoolStateMachine(options: options)))
  }

  /// The most connections at a time.
  public var maximumConnections: Int { options.maximumConnections }

  /// The current numbers of connections and waiting callers.
  public var statistics: Statistics {
    state.withLock { $0.machine.statistics }
  }

  // MARK: Use

  /// Leases a connection for the duration of `body`.
  ///
  /// If `body` leaves a transaction open, it is rolled back.
  ///
  /// - Parameter body: Must not use the connection after it returned.
  /// - Returns: What `body` returned.
  /// - Throws: What `body` throws, or ``PostgresError`` if no connection was available.
  public nonisolated(nonsending) func withConnection<Value: Sendable>(
    _ body: (Connection) async throws -> Value
  ) async throws -> Value {
    let lease = try await lease()
    do {
      let value = try await body(lease.connection)
      await release(lease)
      return value
    } catch {
      await release(lease)
      throw error
    }
  }

  /// Runs `body` in a transaction on a leased connection, and retries it if it lost against another transaction.
  ///
  /// Only 40001 and 40P01 are retried, after a short random pause, and a stale prepared statement at once: in each case
  /// nothing was committed. A connection that broke before `BEGIN` was answered is replaced once. An unknown outcome of
  /// `COMMIT` is never retried.
  ///
  /// - Parameters:
  ///   - readOnly: Whether the server rejects writes.
  ///   - maximumAttempts: How often `body` runs at most.
  ///   - body: Its effects outside the database must be idempotent.
  /// - Returns: What the committed attempt of `body` returned.
  /// - Throws: What the last attempt of `body` threw, or ``PostgresError`` as in
  ///   ``Connection/transaction(readOnly:_:)``.
  public func withTransaction<Value: Sendable>(
    readOnly: Bool = false, maximumAttempts: Int = 4, _ body: @Sendable (Connection) async throws -> Value
  ) async throws -> Value {
    var attempts = 0
    var mayReplaceConnection = true
    while true {
      let attempt = try await withConnection { await $0.attemptTransaction(readOnly: readOnly, body) }
      switch attempt {
      case .committed(let value): return value
      case .failed(let error): throw error
      case .notBegun(let error):
        guard error.kind == .connectionLost, mayReplaceConnection else { throw error }
        mayReplaceConnection = false
      case .mayRetry(let error):
        attempts += 1
        guard attempts < maximumAttempts else { throw error }
        try await Self.pause(after: attempts)
      }
    }
  }

  /// Backs off exponentially from about 5 ms to 250 ms, with jitter so that colliding transactions don't collide again.
  private static func pause(after attempts: Int) async throws(PostgresError) {
    let milliseconds = min(5 << min(attempts - 1, 6), 250)
    do {
      try await Task.sleep(for: .milliseconds(milliseconds) * Double.random(in: 0.5...1.5))
    } catch {
      throw PostgresError(.cancelled, reason: "between two attempts at a transaction")
    }
  }

  // MARK: Leases

  /// Waits for a connection that looks alive, judged without a round trip.
  private func lease() async throws(PostgresError) -> Lease {
    let waiter = PoolStateMachine.WaiterID(number: lastWaiter.add(1, ordering: .relaxed).newValue)
    var lease = try await wait(as: waiter) { machine, now in machine.request(waiter, now: now) }
    while !(await isAlive(lease.connection)) {
      logger.debug("discarded an idle PostgreSQL connection that was dead")
      let dead = lease.id
      lease = try await wait(as: waiter) { machine, _ in machine.leaseRejected(dead) }
    }
    return lease
  }

  private func isAlive(_ connection: Connection) async -> Bool {
    if connection.isQuiet { return true }
    return await connection.isAliveWhenIdle()
  }

  /// Waits until the state machine serves or fails a waiter.
  private func wait(
    as waiter: PoolStateMachine.WaiterID,
    _ event: @Sendable (inout PoolStateMachine, ContinuousClock.Instant) -> [PoolStateMachine.Action]
  ) async throws(PostgresError) -> Lease {
    let result: Result<Lease, PostgresError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        apply(waiter: (waiter, continuation), event)
        // A cancellation before the waiter was registered found nothing to cancel.
        if Task.isCancelled { cancel(waiter) }
      }
    } onCancel: {
      cancel(waiter)
    }
    let lease = try result.get()
    guard !Task.isCancelled else {
      apply { machine, now in machine.release(lease.id, isReusable: true, now: now) }
      throw PostgresError(.cancelled, reason: "while waiting for a connection")
    }
    return lease
  }

  private func cancel(_ waiter: PoolStateMachine.WaiterID) {
    apply { machine, _ in machine.cancel(waiter) }
  }

  /// Takes a connection back and rolls back an open transaction.
  private func release(_ lease: Lease) async {
    let connection = lease.connection
    if connection.transactionStatus != .idle {
      await connection.rollBackOrDiscard()
    }
    let isReusable = connection.isUsable && connection.transactionStatus == .idle
    apply { machine, now in machine.release(lease.id, isReusable: isReusable, now: now) }
  }

  // MARK: Maintenance and closing

  /// Closes connections that have been idle for long and health-checks the others.
  ///
  /// It runs until the task is cancelled or the pool closed. The pool works without it, but then idle connections stay
  /// open, and a dead one is found only when it is leased.
  public func run() async {
    let interval = min(options.idleCheckInterval, options.maximumIdleTime)
    while !state.withLock({ $0.machine.isShutDown }) {
      guard (try? await Task.sleep(for: interval)) != nil else { return }
      await maintain()
    }
  }

  private func maintain() async {
    while let lease = apply({ machine, now in machine.maintain(now: now) }).first {
      let isAlive = await lease.connection.isAliveWhenAsked(within: .seconds(2))
      apply { machine, now in machine.checked(lease.id, isAlive: isAlive, now: now) }
      guard !Task.isCancelled else { return }
    }
  }

  /// Rejects new callers, waits for leased connections to come back, and closes all.
  ///
  /// After the options' close limit it closes connections that are still leased, each as soon as its current statement
  /// ends. Calling it again is harmless.
  public func close() async {
    apply { machine, _ in machine.shutDown() }
    let limit = Task.detached { [options] in
      try await Task.sleep(for: options.closeLimit)
      self.apply { machine, _ in machine.closeLeased() }
      self.state.withLock { $0.takeClosers() }.forEach { $0.resume() }
    }
    await withCheckedContinuation { continuation in
      let isDrained = state.withLock { state in
        if !state.machine.isDrained { state.closers.append(continuation) }
        return state.machine.isDrained
      }
      if isDrained { continuation.resume() }
    }
    limit.cancel()
  }

  // MARK: Carrying out decisions

  /// An action together with what it needs, so that it runs after the lock is released.
  private enum Effect {
    case resume(Continuation, Result<Lease, PostgresError>)
    case connect(PoolStateMachine.ConnectionID)
    case close(PoolStateMachine.ConnectionID, Connection)
    case check(PoolStateMachine.ConnectionID, Connection)
    case finishClosing([CheckedContinuation<Void, Never>])
    case watchDeadlines
  }

  /// Applies an event to the state machine and carries out the actions that follow.
  ///
  /// - Parameters:
  ///   - waiter: A waiter to register before the event.
  ///   - arrival: A connection to register before the event.
  ///   - event: Calls one of the state machine's methods.
  /// - Returns: Connections to check, which only maintenance asks for.
  @discardableResult
  private func apply(
    waiter: (id: PoolStateMachine.WaiterID, continuation: Continuation)? = nil, arrival: Lease? = nil,
    _ event: (inout PoolStateMachine, ContinuousClock.Instant) -> [PoolStateMachine.Action]
  ) -> [Lease] {
    let now = ContinuousClock.now
    let effects = state.withLock { state in
      if let waiter { state.waiters[waiter.id] = waiter.continuation }
      if let arrival { state.connections[arrival.id] = arrival.connection }
      var effects = event(&state.machine, now).compactMap { effect(of: $0, &state) }
      if state.machine.nextDeadline != nil, !state.isWatchingDeadlines {
        state.isWatchingDeadlines = true
        effects.append(.watchDeadlines)
      }
      return effects
    }
    return effects.compactMap(carryOut)
  }

  private func effect(of action: PoolStateMachine.Action, _ state: inout State) -> Effect? {
    switch action {
    case .lease(let id, let waiter):
      guard let connection = state.connections[id] else { return nil }
      let lease = Lease(id: id, connection: connection)
      return state.waiters.removeValue(forKey: waiter).map { .resume($0, .success(lease)) }
    case .fail(let waiter, let error):
      return state.waiters.removeValue(forKey: waiter).map { .resume($0, .failure(error)) }
    case .connect(let id): return .connect(id)
    case .check(let id): return state.connections[id].map { .check(id, $0) }
    case .close(let id): return state.connections.removeValue(forKey: id).map { .close(id, $0) }
    case .drained: return .finishClosing(state.takeClosers())
    }
  }

  private func carryOut(_ effect: Effect) -> Lease? {
    switch effect {
    case .resume(let continuation, let result): continuation.resume(returning: result)
    case .connect(let id): Task.detached { await self.connect(id) }
    case .close(let id, let connection):
      Task.detached {
        await connection.close()
        self.apply { machine, _ in machine.closed(id) }
      }
    case .check(let id, let connection): return Lease(id: id, connection: connection)
    case .finishClosing(let closers): closers.forEach { $0.resume() }
    case .watchDeadlines: Task.detached { await self.watchDeadlines() }
    }
    return nil
  }

  private func connect(_ id: PoolStateMachine.ConnectionID) async {
    do throws(PostgresError) {
      let connection = try await Connection.connect(configuration, logger: logger)
      apply(arrival: Lease(id: id, connection: connection)) { machine, now in machine.connected(id, now: now)
      }
    } catch {
      logger.warning("can't connect to PostgreSQL", metadata: ["error": "\(error.debugDescription)"])
      apply { machine, _ in machine.connectFailed(id, error) }
    }
  }

  /// Fails waiters at their deadlines until no waiter is left.
  private func watchDeadlines() async {
    while let deadline = nextDeadline() {
      try? await Task.sleep(until: deadline, clock: .continuous)
      apply { machine, now in machine.expire(now: now) }
    }
  }

  private func nextDeadline() -> ContinuousClock.Instant? {
    state.withLock { state in
      let deadline = state.machine.nextDeadline
      if deadline == nil { state.isWatchingDeadlines = false }
      return deadline
    }
  }
}

extension Connection {
  /// Health-checks the connection with a query.
  ///
  /// What counts is the connection's state afterwards, so a cancelled check proves nothing against it.
  fileprivate func isAliveWhenAsked(within deadline: Duration) async -> Bool {
    _ = try? await execute(Statement("health_check", "SELECT 1"), deadline: deadline)
    return isUsable && transactionStatus == .idle
  }
}
