import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(10)))
struct PoolStateMachineTests {
  typealias ConnectionID = PoolStateMachine.ConnectionID
  typealias WaiterID = PoolStateMachine.WaiterID

  let start = ContinuousClock.now
  var machine = PoolStateMachine(
    options: ConnectionPool.Options(
      maximumConnections: 2, waitLimit: .seconds(2), maximumIdleTime: .seconds(300),
      idleCheckInterval: .seconds(15)))
  let refused = PostgresError(.connectionFailed, reason: "refused")

  func connection(_ number: UInt64) -> ConnectionID { ConnectionID(number: number) }
  func waiter(_ number: UInt64) -> WaiterID { WaiterID(number: number) }

  /// The kind of a waiter's error, if it is the only waiter that failed.
  func failure(of waiter: WaiterID, in actions: [PoolStateMachine.Action]) -> PostgresError.Kind? {
    guard actions.count == 1, case .fail(let failed, let error) = actions[0], failed == waiter else {
      return nil
    }
    return error.kind
  }

  /// Leases connection 1 to waiter 1.
  mutating func leaseFirst() {
    #expect(machine.request(waiter(1), now: start) == [.connect(connection(1))])
    #expect(machine.connected(connection(1), now: start) == [.lease(connection(1), to: waiter(1))])
  }

  @Test mutating func `a request opens a connection and leases it`() {
    leaseFirst()
    #expect(machine.statistics == .init(leased: 1, idle: 0, connecting: 0, waiting: 0))
  }

  @Test mutating func `a released connection is leased again`() {
    leaseFirst()
    #expect(machine.release(connection(1), isReusable: true, now: start).isEmpty)
    #expect(machine.request(waiter(2), now: start) == [.lease(connection(1), to: waiter(2))])
  }

  @Test mutating func `the pool never exceeds the maximum number of connections`() {
    for number in 1...10 { _ = machine.request(waiter(UInt64(number)), now: start) }
    #expect(machine.statistics == .init(leased: 0, idle: 0, connecting: 2, waiting: 10))
  }

  @Test mutating func `waiters are served in order of arrival`() {
    leaseFirst()
    for number in 2...4 { _ = machine.request(waiter(UInt64(number)), now: start) }
    for number in 2...4 {
      let served = machine.release(connection(1), isReusable: true, now: start)
      #expect(served == [.lease(connection(1), to: waiter(UInt64(number)))])
    }
  }

  @Test mutating func `if no connection is alive, a failed connect fails all waiters at once`() {
    _ = machine.request(waiter(1), now: start)
    _ = machine.request(waiter(2), now: start)
    _ = machine.request(waiter(3), now: start)
    #expect(machine.connectFailed(connection(1), refused).isEmpty)
    #expect(
      machine.connectFailed(connection(2), refused)
        == [.fail(waiter(1), refused), .fail(waiter(2), refused), .fail(waiter(3), refused)])
    #expect(machine.statistics.waiting == 0)
  }

  @Test mutating func `if a connection is alive, waiters outlast a failed connect`() {
    leaseFirst()
    #expect(machine.request(waiter(2), now: start) == [.connect(connection(2))])
    #expect(machine.connectFailed(connection(2), refused).isEmpty)
    #expect(
      machine.release(connection(1), isReusable: true, now: start) == [.lease(connection(1), to: waiter(2))])
  }

  @Test mutating func `the next request after a failure connects again`() {
    _ = machine.request(waiter(1), now: start)
    _ = machine.connectFailed(connection(1), refused)
    #expect(machine.request(waiter(2), now: start) == [.connect(connection(2))])
    #expect(machine.connected(connection(2), now: start) == [.lease(connection(2), to: waiter(2))])
  }

  @Test mutating func `a waiter times out at the wait limit and not before`() {
    leaseFirst()
    _ = machine.request(waiter(2), now: start)
    #expect(machine.nextDeadline == start + .seconds(2))
    #expect(machine.expire(now: start + .milliseconds(1999)).isEmpty)
    #expect(failure(of: waiter(2), in: machine.expire(now: start + .seconds(2))) == .poolExhausted)
    #expect(machine.nextDeadline == nil)
  }

  @Test mutating func `a cancelled waiter leaves the queue and the connection goes to the next one`() {
    leaseFirst()
    _ = machine.request(waiter(2), now: start)
    _ = machine.request(waiter(3), now: start)
    #expect(failure(of: waiter(2), in: machine.cancel(waiter(2))) == .cancelled)
    #expect(
      machine.release(connection(1), isReusable: true, now: start) == [.lease(connection(1), to: waiter(3))])
  }

  @Test mutating func `cancelling a waiter that was served has no effect`() {
    leaseFirst()
    #expect(machine.cancel(waiter(1)).isEmpty)
    #expect(machine.statistics.leased == 1)
  }

  @Test mutating func `a connection that arrives after its waiter was cancelled becomes idle`() {
    _ = machine.request(waiter(1), now: start)
    _ = machine.cancel(waiter(1))
    #expect(machine.connected(connection(1), now: start).isEmpty)
    #expect(machine.statistics.idle == 1)
  }

  @Test mutating func `a broken connection is closed and replaced for the next waiter`() {
    leaseFirst()
    _ = machine.request(waiter(2), now: start)
    _ = machine.connectFailed(connection(2), refused)
    #expect(
      machine.release(connection(1), isReusable: false, now: start)
        == [.close(connection(1)), .connect(connection(3))])
  }

  @Test mutating func `a connection that is being closed counts towards the maximum`() {
    leaseFirst()
    _ = machine.request(waiter(2), now: start)
    _ = machine.connected(connection(2), now: start)
    _ = machine.request(waiter(3), now: start)
    #expect(machine.release(connection(1), isReusable: false, now: start) == [.close(connection(1))])
    #expect(machine.closed(connection(1)) == [.connect(connection(3))])
  }

  @Test mutating func `a waiter whose connection was dead moves to the front and keeps its deadline`() {
    leaseFirst()
    _ = machine.request(waiter(2), now: start + .seconds(1))
    _ = machine.leaseRejected(connection(1))
    #expect(machine.nextDeadline == start + .seconds(2))
    #expect(machine.connected(connection(2), now: start) == [.lease(connection(2), to: waiter(1))])
  }

  @Test mutating func `a waiter whose connection was dead gets another idle one`() {
    leaseFirst()
    _ = machine.request(waiter(2), now: start)
    _ = machine.connected(connection(2), now: start)
    _ = machine.release(connection(1), isReusable: true, now: start)
    #expect(
      machine.leaseRejected(connection(2)) == [.close(connection(2)), .lease(connection(1), to: waiter(2))])
  }

  @Test mutating func `maintenance closes connections that were idle for too long`() {
    leaseFirst()
    _ = machine.release(connection(1), isReusable: true, now: start)
    #expect(machine.maintain(now: start + .seconds(10)).isEmpty)
    #expect(machine.maintain(now: start + .seconds(300)) == [.close(connection(1))])
  }

  @Test mutating func `a liveness check does not reset the idle time`() {
    leaseFirst()
    _ = machine.release(connection(1), isReusable: true, now: start)
    #expect(machine.maintain(now: start + .seconds(15)) == [.check(connection(1))])
    #expect(machine.checked(connection(1), isAlive: true, now: start + .seconds(16)).isEmpty)
    #expect(machine.maintain(now: start + .seconds(20)).isEmpty)
    #expect(machine.maintain(now: start + .seconds(300)) == [.close(connection(1))])
  }

  @Test mutating func `a connection that fails its liveness check is closed`() {
    leaseFirst()
    _ = machine.release(connection(1), isReusable: true, now: start)
    _ = machine.maintain(now: start + .seconds(15))
    #expect(machine.checked(connection(1), isAlive: false, now: start) == [.close(connection(1))])
  }

  @Test mutating func `shutting down fails waiters, closes idle connections and then drains`() {
    leaseFirst()
    _ = machine.request(waiter(2), now: start)
    _ = machine.connected(connection(2), now: start)
    _ = machine.release(connection(2), isReusable: true, now: start)
    #expect(machine.shutDown() == [.close(connection(2))])
    #expect(machine.closed(connection(2)).isEmpty)
    #expect(machine.release(connection(1), isReusable: true, now: start) == [.close(connection(1))])
    #expect(machine.closed(connection(1)) == [.drained])
    #expect(failure(of: waiter(3), in: machine.request(waiter(3), now: start)) == .poolClosed)
  }

  @Test mutating func `a connection that opens after shutdown is closed`() {
    _ = machine.request(waiter(1), now: start)
    _ = machine.shutDown()
    #expect(machine.connected(connection(1), now: start) == [.close(connection(1))])
    #expect(machine.closed(connection(1)) == [.drained])
  }
}
