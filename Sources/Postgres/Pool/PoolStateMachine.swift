/// The pool's decisions, without I/O, locks or a clock.
///
/// Events come in with their time, and actions go out, so every rule can be tested without a database. The
/// rules:
///
/// - The pool never exceeds its maximum. A closing connection counts until it is closed.
/// - Waiters are served in order of arrival, and none waits while a connection is idle.
/// - The most recently used connection is leased first, so that surplus ones go idle and are closed.
/// - When connecting fails and no connection is alive, all waiters fail at once, so a dead database is
///   reported in milliseconds. Each new request tries again, so the pool recovers by itself.
struct PoolStateMachine {
  typealias Instant = ContinuousClock.Instant

  struct ConnectionID: Hashable, Sendable {
    let number: UInt64
  }

  struct WaiterID: Hashable, Sendable {
    let number: UInt64
  }

  /// An action for the pool to run.
  ///
  /// Each `connect` leads to `connected` or `connectFailed`, each `check` to `checked`, and each `close` to
  /// `closed`.
  enum Action: Equatable, Sendable {
    case lease(ConnectionID, to: WaiterID)
    case fail(WaiterID, PostgresError)
    case connect(ConnectionID)
    case check(ConnectionID)
    case close(ConnectionID)
    /// The pool has shut down and the last connection is closed.
    case drained
  }

  private enum ConnectionState: Equatable {
    case connecting
    case idle
    case leased(Waiter)
    case checking(idleSince: Instant)
    case closing
  }

  private struct Waiter: Equatable {
    let id: WaiterID
    let deadline: Instant
  }

  private struct IdleConnection {
    let id: ConnectionID
    let idleSince: Instant
    let checkedAt: Instant
  }

  private let options: ConnectionPool.Options
  private var connections: [ConnectionID: ConnectionState] = [:]
  /// In the order they became idle.
  ///
  /// The last is leased first.
  private var idle: [IdleConnection] = []
  /// In order of arrival, except that a waiter whose connection was dead goes back to the front.
  private var waiters: [Waiter] = []
  private var lastConnection: UInt64 = 0
  private(set) var isShutDown = false

  init(options: ConnectionPool.Options) {
    self.options = options
  }

  /// The counts of connections by state and of waiters.
  var statistics: ConnectionPool.Statistics {
    var statistics = ConnectionPool.Statistics(
      leased: 0, idle: idle.count, connecting: 0, waiting: waiters.count)
    for state in connections.values {
      switch state {
      case .leased: statistics.leased += 1
      case .connecting: statistics.connecting += 1
      case .idle, .checking, .closing: break
      }
    }
    return statistics
  }

  /// The deadline of the first waiter, and so the earliest: all waiters have the same limit.
  var nextDeadline: Instant? { waiters.first?.deadline }

  var isDrained: Bool { isShutDown && connections.isEmpty }
}

// MARK: Waiters

extension PoolStateMachine {
  /// A caller requests a connection.
  mutating func request(_ id: WaiterID, now: Instant) -> [Action] {
    guard !isShutDown else { return [.fail(id, Self.closedError)] }
    return serve(Waiter(id: id, deadline: now + options.waitLimit), mayQueueAt: waiters.endIndex)
  }

  /// A waiter is cancelled.
  ///
  /// Does nothing if it was already served or failed.
  mutating func cancel(_ id: WaiterID) -> [Action] {
    guard let index = waiters.firstIndex(where: { $0.id == id }) else { return [] }
    waiters.remove(at: index)
    return [.fail(id, PostgresError(.cancelled, reason: "while waiting for a connection"))]
  }

  /// Fails the waiters that have reached their deadline.
  mutating func expire(now: Instant) -> [Action] {
    let expired = waiters.filter { $0.deadline <= now }
    guard !expired.isEmpty else { return [] }
    waiters.removeAll { $0.deadline <= now }
    return expired.map {
      .fail($0.id, PostgresError(.poolExhausted, reason: "no connection became free in time"))
    }
  }

  private mutating func serve(_ waiter: Waiter, mayQueueAt index: Int) -> [Action] {
    if let connection = idle.popLast() {
      return [lease(connection.id, to: waiter)]
    }
    waiters.insert(waiter, at: index)
    return connectIfUseful()
  }

  private mutating func lease(_ id: ConnectionID, to waiter: Waiter) -> Action {
    connections[id] = .leased(waiter)
    return .lease(id, to: waiter.id)
  }

  private mutating func failAllWaiters(_ error: PostgresError) -> [Action] {
    defer { waiters.removeAll() }
    return waiters.map { .fail($0.id, error) }
  }

  private static let closedError = PostgresError(.poolClosed, reason: "the pool is closed")
}

// MARK: Connections

extension PoolStateMachine {
  /// A connection was established.
  mutating func connected(_ id: ConnectionID, now: Instant) -> [Action] {
    guard connections[id] == .connecting else { return [] }
    return makeAvailable(id, idleSince: now, now: now)
  }

  /// A connection could not be established.
  mutating func connectFailed(_ id: ConnectionID, _ error: PostgresError) -> [Action] {
    guard connections[id] == .connecting else { return [] }
    connections[id] = nil
    let anyIsAlive = connections.values.contains { $0 != .closing }
    return (anyIsAlive ? [] : failAllWaiters(error)) + drainedIfEmpty()
  }

  /// A leased connection is returned.
  ///
  /// `isReusable` says whether it may be leased again.
  mutating func release(_ id: ConnectionID, isReusable: Bool, now: Instant) -> [Action] {
    guard case .leased = connections[id] else { return [] }
    return isReusable ? makeAvailable(id, idleSince: now, now: now) : close(id)
  }

  /// A connection was dead when leased.
  ///
  /// Its waiter gets another one, ahead of all others and with its original deadline.
  mutating func leaseRejected(_ id: ConnectionID) -> [Action] {
    guard case .leased(let waiter) = connections[id] else { return [] }
    let closing = close(id)
    guard !isShutDown else { return closing + [.fail(waiter.id, Self.closedError)] }
    return closing + serve(waiter, mayQueueAt: waiters.startIndex)
  }

  /// A connection has been closed.
  mutating func closed(_ id: ConnectionID) -> [Action] {
    guard connections[id] == .closing else { return [] }
    connections[id] = nil
    return connectIfUseful() + drainedIfEmpty()
  }

  private mutating func makeAvailable(_ id: ConnectionID, idleSince: Instant, now: Instant) -> [Action] {
    guard !isShutDown else { return close(id) }
    if !waiters.isEmpty {
      return [lease(id, to: waiters.removeFirst())]
    }
    connections[id] = .idle
    idle.append(IdleConnection(id: id, idleSince: idleSince, checkedAt: now))
    return []
  }

  private mutating func close(_ id: ConnectionID) -> [Action] {
    connections[id] = .closing
    return [.close(id)] + connectIfUseful()
  }

  /// Starts a connection for each waiter that has none on the way, up to the maximum.
  private mutating func connectIfUseful() -> [Action] {
    guard !isShutDown, !waiters.isEmpty else { return [] }
    let connecting = connections.values.count { $0 == .connecting }
    let wanted = min(waiters.count - connecting, options.maximumConnections - connections.count)
    return (0..<max(0, wanted)).map { _ in
      lastConnection += 1
      let id = ConnectionID(number: lastConnection)
      connections[id] = .connecting
      return .connect(id)
    }
  }

  private func drainedIfEmpty() -> [Action] {
    isDrained ? [.drained] : []
  }
}

// MARK: Maintenance and shutting down

extension PoolStateMachine {
  /// Closes connections that have been idle too long and checks one of the others.
  ///
  /// Only one at a time, so that an unresponsive server ties up at most one connection.
  mutating func maintain(now: Instant) -> [Action] {
    let stale = idle.filter { now - $0.idleSince >= options.maximumIdleTime }
    idle.removeAll { now - $0.idleSince >= options.maximumIdleTime }
    var actions = stale.flatMap { close($0.id) }
    if let index = idle.firstIndex(where: { now - $0.checkedAt >= options.idleCheckInterval }) {
      let connection = idle.remove(at: index)
      connections[connection.id] = .checking(idleSince: connection.idleSince)
      actions.append(.check(connection.id))
    }
    return actions
  }

  /// A check has finished.
  mutating func checked(_ id: ConnectionID, isAlive: Bool, now: Instant) -> [Action] {
    guard case .checking(let idleSince) = connections[id] else { return [] }
    return isAlive ? makeAvailable(id, idleSince: idleSince, now: now) : close(id)
  }

  /// Stops leasing: waiters fail, and connections are closed as they become idle.
  mutating func shutDown() -> [Action] {
    guard !isShutDown else { return drainedIfEmpty() }
    isShutDown = true
    defer { idle.removeAll() }
    return failAllWaiters(Self.closedError) + idle.flatMap { close($0.id) } + drainedIfEmpty()
  }

  /// Closes the connections that are still leased, because the close limit has passed.
  mutating func closeLeased() -> [Action] {
    let leased = connections.filter {
      if case .leased = $0.value { true } else { false }
    }
    return leased.keys.flatMap { close($0) }
  }
}
