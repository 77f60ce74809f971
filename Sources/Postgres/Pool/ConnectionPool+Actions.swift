import Logging
import Synchronization

extension ConnectionPool {
  typealias Continuation = CheckedContinuation<Result<Lease, PostgresError>, Never>

  struct State {
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

  /// An action with everything needed to run it after the lock is released.
  private enum Effect {
    case resume(Continuation, Result<Lease, PostgresError>)
    case connect(PoolStateMachine.ConnectionID)
    case close(PoolStateMachine.ConnectionID, Connection)
    case check(PoolStateMachine.ConnectionID, Connection)
    case finishClosing([CheckedContinuation<Void, Never>])
    case watchDeadlines
  }

  /// Feeds an event to the state machine and runs the resulting actions.
  ///
  /// - Parameters:
  ///   - waiter: A waiter to register before the event.
  ///   - arrival: A connection to register before the event.
  ///   - event: Calls one of the machine's methods.
  /// - Returns: Connections to check, which only maintenance requests.
  @discardableResult
  func apply(
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
    return effects.compactMap(perform)
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

  private func perform(_ effect: Effect) -> Lease? {
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

  /// Fails waiters that reach their deadline, for as long as there are waiters.
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
