public import Logging
import Synchronization

/// A bounded set of connections that are leased out one caller at a time.
///
/// It opens connections as they are needed and replaces what broke, so it recovers by itself when the database comes
/// back. What is decided when is ``PoolStateMachine``'s affair; this class carries it out.
///
/// A leased connection is reset no further than by rolling back: session settings, temporary tables and advisory
/// locks that a caller leaves behind meet the next one.
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

    /// Makes options; `maximumConnections` below 1 counts as 1.
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

  /// A pool's numbers at one instant.
  public struct Statistics: Sendable, Hashable {
    /// Connections in the hands of callers.
    public internal(set) var leased: Int
    /// Connections ready to be leased.
    public internal(set) var idle: Int
    /// Connections being established.
    public internal(set) var connecting: Int
    /// Callers waiting for a connection.
    public internal(set) var waiting: Int
  }

  let options: Options
  private let configuration: ConnectionConfiguration
  private let logger: Logger
  private let state: Mutex<State>
  private let lastWaiter = Atomic<UInt64>(0)

  /// Makes a pool; it connects when it is first used.
  ///
  /// - Parameters:
  ///   - configuration: How to connect.
  ///   - options: The pool's bounds.
  ///   - logger: Hears of connections that failed or were lost.
  public init(configuration: ConnectionConfiguration, options: Options = Options(), logger: Logger) {
    self.configuration = configuration
    self.options = options
    self.logger = logger
    state = Mutex(State(machine: PoolStateMachine(options: options)))
  }

  /// How many connections and waiting callers there are just now.
  public var statistics: Statistics {
    state.withLock { $0.machine.statistics }
  }

  /// Refuses new callers, waits for leased connections to come back, and closes all.
  ///
  /// It waits no longer than the options' close limit; what is still leased then is closed under its caller as soon
  /// as the statement in progress is through. Harmless when called again.
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
}

// MARK: Leasing

extension ConnectionPool {
  /// A connection in the hands of a caller.
  struct Lease: Sendable {
    let id: PoolStateMachine.ConnectionID
    let connection: Connection
  }

  /// Waits for a connection that is alive as far as can be told without asking the server.
  func lease() async throws(PostgresError) -> Lease {
    let waiter = PoolStateMachine.WaiterID(number: lastWaiter.add(1, ordering: .relaxed).newValue)
    var lease = try await wait(as: waiter) { machine, now in machine.request(waiter, now: now) }
    while !(await isAlive(lease.connection)) {
      logger.debug("an idle PostgreSQL connection was found dead")
      let dead = lease.id
      lease = try await wait(as: waiter) { machine, _ in machine.leaseRejected(dead) }
    }
    return lease
  }

  private func isAlive(_ connection: Connection) async -> Bool {
    if connection.isQuiet { return true }
    return await connection.isAliveWhenIdle()
  }

  /// Waits until the machine serves or fails a waiter.
  private func wait(
    as waiter: PoolStateMachine.WaiterID,
    _ event: @Sendable (inout PoolStateMachine, ContinuousClock.Instant) -> [PoolStateMachine.Action]
  ) async throws(PostgresError) -> Lease {
    let result: Result<Lease, PostgresError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        apply(waiter: (waiter, continuation), event)
        // A cancellation that came before the waiter was registered found nothing to cancel.
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

  /// Takes a connection back, without a transaction.
  func release(_ lease: Lease) async {
    let connection = lease.connection
    if connection.transactionStatus != .idle {
      await connection.rollBackOrDiscard()
    }
    let isReusable = connection.isUsable && connection.transactionStatus == .idle
    apply { machine, now in machine.release(lease.id, isReusable: isReusable, now: now) }
  }
}

// MARK: Carrying out the machine's actions

extension ConnectionPool {
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

  /// An action together with what it needs, so that it can be carried out after the lock is let go.
  private enum Effect {
    case resume(Continuation, Result<Lease, PostgresError>)
    case connect(PoolStateMachine.ConnectionID)
    case close(PoolStateMachine.ConnectionID, Connection)
    case check(PoolStateMachine.ConnectionID, Connection)
    case finishClosing([CheckedContinuation<Void, Never>])
    case watchDeadlines
  }

  /// Tells the machine of an event and carries out what it decides.
  ///
  /// - Parameters:
  ///   - waiter: A waiter to register before the event.
  ///   - arrival: A connection to register before the event.
  ///   - event: Calls one of the machine's methods.
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

  /// Fails waiters whose time is over, for as long as there are any waiters.
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

// MARK: Maintenance

extension ConnectionPool {
  /// Closes connections that are idle for long and checks the others.
  ///
  /// It goes on until the task is cancelled or the pool closed. The pool works without it; idle connections then stay open, and a dead one is found when it is leased.
  public func run() async {
    let interval = min(options.idleCheckInterval, options.maximumIdleTime)
    while !state.withLock({ $0.machine.isShutDown }) {
      guard (try? await Task.sleep(for: interval)) != nil else { return }
      await maintain()
    }
  }

  /// One round of maintenance.
  func maintain() async {
    while let lease = apply({ machine, now in machine.maintain(now: now) }).first {
      let isAlive = await lease.connection.answers(within: .seconds(2))
      apply { machine, now in machine.checked(lease.id, isAlive: isAlive, now: now) }
      // A cancelled check says nothing about the connection, and would be asked for again at once.
      guard !Task.isCancelled else { return }
    }
  }
}
