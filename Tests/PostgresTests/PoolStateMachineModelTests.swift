import Testing

@testable import Postgres

/// Simulates the pool's environment: carries out actions at random times and keeps its own records.
private struct World {
  typealias ConnectionID = PoolStateMachine.ConnectionID
  typealias WaiterID = PoolStateMachine.WaiterID

  static let maximum = 3
  var machine = PoolStateMachine(
    options: ConnectionPool.Options(
      maximumConnections: maximum, waitLimit: .seconds(2), maximumIdleTime: .seconds(20),
      idleCheckInterval: .seconds(5)))
  var random: SplitMix
  var now = ContinuousClock.now
  var connecting: [ConnectionID] = []
  var leased: [ConnectionID] = []
  var idle: Set<ConnectionID> = []
  var checking: [ConnectionID] = []
  var closing: [ConnectionID] = []
  var waiting: [WaiterID: ContinuousClock.Instant] = [:]
  var lastWaiter: UInt64 = 0

  /// One random event.
  mutating func step() {
    now += .milliseconds(Int.random(in: 0...400, using: &random))
    switch Int.random(in: 0..<12, using: &random) {
    case 0, 1, 2:
      lastWaiter += 1
      let id = WaiterID(number: lastWaiter)
      waiting[id] = now
      carryOut(machine.request(id, now: now))
    case 3, 4: release()
    case 5: take(\.connecting).map { carryOut(machine.connected(arrive($0), now: now)) }
    case 6: take(\.connecting).map { carryOut(machine.connectFailed($0, PostgresError(.connectionFailed))) }
    case 7, 8: take(\.closing).map { carryOut(machine.closed($0)) }
    case 9:
      waiting.keys.sorted { $0.number < $1.number }.randomElement(using: &random).map {
        carryOut(machine.cancel($0))
      }
    case 10: carryOut(machine.maintain(now: now))
    default:
      take(\.checking).map {
        carryOut(machine.checked(arrive($0), isAlive: .random(using: &random), now: now))
      }
    }
    carryOut(machine.expire(now: now))
    checkBooks()
  }

  private mutating func release() {
    guard let id = take(\.leased) else { return }
    idle.insert(id)
    carryOut(machine.release(id, isReusable: Int.random(in: 0..<4, using: &random) > 0, now: now))
  }

  /// A connection is free until an action takes it.
  private mutating func arrive(_ id: ConnectionID) -> ConnectionID {
    idle.insert(id)
    return id
  }

  private mutating func take(_ ids: WritableKeyPath<World, [ConnectionID]>) -> ConnectionID? {
    guard let index = self[keyPath: ids].indices.randomElement(using: &random) else { return nil }
    return self[keyPath: ids].remove(at: index)
  }

  mutating func carryOut(_ actions: [PoolStateMachine.Action]) {
    for action in actions {
      switch action {
      case .connect(let id): connecting.append(id)
      case .lease(let id, let waiter):
        #expect(idle.remove(id) != nil, "leased a connection that was not free")
        #expect(waiting.removeValue(forKey: waiter) != nil, "leased to an unknown waiter")
        leased.append(id)
      case .fail(let waiter, _): #expect(waiting.removeValue(forKey: waiter) != nil, "failed twice")
      case .check(let id):
        #expect(idle.remove(id) != nil, "checked a connection that was not free")
        checking.append(id)
      case .close(let id):
        #expect(idle.remove(id) != nil, "closed a connection that was not free")
        closing.append(id)
      case .drained: Issue.record("drained without shutting down")
      }
    }
  }

  private func checkBooks() {
    let total = connecting.count + leased.count + idle.count + checking.count + closing.count
    #expect(total <= Self.maximum)
    #expect(
      machine.statistics
        == .init(leased: leased.count, idle: idle.count, connecting: connecting.count, waiting: waiting.count)
    )
    #expect(idle.isEmpty || waiting.isEmpty, "a waiter is queued although a connection is idle")
    #expect(waiting.values.allSatisfy { now - $0 < .seconds(2) }, "a waiter exceeded the wait limit")
    #expect(
      waiting.isEmpty || total > 0, "a waiter is queued although no connection exists or is being opened")
  }
}

/// Sebastiano Vigna's SplitMix64, seeded so that a failure can be repeated.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite(.timeLimit(.minutes(10)))
struct PoolStateMachineModelTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `random events never break the pool's invariants`(seed: UInt64) {
    var world = World(random: SplitMix(state: seed))
    for _ in 0..<2_000 { world.step() }
  }
}
