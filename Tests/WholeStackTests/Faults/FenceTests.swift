import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Subprocess
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Forces the races that load meets only by chance.
///
/// A lock on the counter stops a charge after its judgement, and then something changes before the charge continues.
@Suite("A judged charge that waits for its counter", .timeLimit(.minutes(10)))
struct FenceTests {
  @Test("It is judged again when another node has used up the limit, alone and in a batch")
  func anotherNodeCharged() async throws {
    try await with(members: #""usage_limit":10"#) { stage in
      try await stage.charge(9)
      let verifications = try await CounterLock.hold(
        CounterLock.charge(stage.child, 1), on: stage.pool
      ) { end in
        async let verifications = stage.verifyConcurrently(40)
        try await CounterLock.waiters(2, on: stage.pool)
        try await end()
        return try await verifications
      }
      #expect(verifications.allSatisfy { $0.status == 429 })
      try await stage.expectUsed(10)
    }
  }

  @Test("A batch charges the keys with capacity left and judges the others again")
  func batchAcrossKeys() async throws {
    try await with(members: #""usage_limit":10"#) { stage in
      let spare = try await stage.sibling(#""usage_limit":100"#)
      let gate = try await stage.sibling("")
      for account in [stage.child, spare, gate] {
        #expect(try await stage.node.verify(account, "?requests=9").status == 200)
      }
      let (gated, filled, free) = try await CounterLock.hold(
        CounterLock.lock(gate), on: stage.pool
      ) { open in
        try await CounterLock.hold(CounterLock.charge(stage.child, 1), on: stage.pool) { end in
          // Both workers wait for the gate key's counter, so that later requests form batches.
          async let gated = stage.verifyConcurrently(2, gate)
          try await CounterLock.waiters(2, on: stage.pool)
          async let filled = stage.verifyConcurrently(20)
          async let free = stage.verifyConcurrently(20, spare)
          // Most of the requests join the batch. The test holds for any part of them.
          try await Task.sleep(for: .milliseconds(100))
          try await open()
          let opened = try await gated
          try await CounterLock.waiters(1, on: stage.pool)
          try await end()
          return try await (opened, filled, free)
        }
      }
      #expect(gated.allSatisfy { $0.status == 200 })
      #expect(filled.allSatisfy { $0.status == 429 })
      #expect(free.allSatisfy { $0.status == 200 })
      try await stage.expectUsed(10)
      #expect(try await Counters.read(spare.keyID, on: stage.pool).used.requests == 29)
    }
  }

  @Test("It never takes usage over a limit once the lowering is answered")
  func limitLowered() async throws {
    try await with(members: #""usage_limit":100"#) { stage in
      try await stage.charge(50)
      let (usedWhenAnswered, verification) = try await CounterLock.hold(
        CounterLock.lock(stage.child), on: stage.pool
      ) { end in
        async let verification = stage.node.verify(stage.child, "?requests=20")
        try await CounterLock.waiters(1, on: stage.pool)
        async let usedWhenAnswered = stage.lowerLimit(to: 60)
        // The update may be answered at once or wait for the charge. On a slow machine it may not have started.
        try await Task.sleep(for: .milliseconds(300))
        try await end()
        return try await (usedWhenAnswered, verification)
      }
      let used = try await Counters.read(stage.child.keyID, on: stage.pool).used.requests
      #expect(used <= max(usedWhenAnswered, 60))
      #expect(used == (verification.status == 200 ? 70 : 50))
    }
  }

  @Test(
    "It is not charged once its key's deletion, revocation or rotation is answered",
    arguments: Ending.allCases)
  func keyEnded(ending: Ending) async throws {
    try await with(members: "") { stage in
      try await stage.charge(1)
      let (usedWhenAnswered, verification) = try await CounterLock.hold(
        CounterLock.lock(stage.child), on: stage.pool
      ) { end in
        async let verification = stage.node.verify(stage.child)
        try await CounterLock.waiters(1, on: stage.pool)
        async let usedWhenAnswered = stage.end(ending)
        try await Task.sleep(for: .milliseconds(300))
        try await end()
        return try await (usedWhenAnswered, verification)
      }
      let used = try await Counters.read(stage.child.keyID, on: stage.pool).used.requests
      #expect(used == usedWhenAnswered)
      #expect(used == (verification.status == 200 ? 2 : 1))
    }
  }

  @Test("A graceful shutdown with waiting batches answers every charge, and exits with 0")
  func gracefulShutdown() async throws {
    try await with(members: "") { stage in
      try await stage.charge(1)
      let attempts = try await CounterLock.hold(CounterLock.lock(stage.child), on: stage.pool) { end in
        async let attempts = concurrently(40) { _ in
          await stage.node.attemptVerify(stage.child, via: stage.client)
        }
        try await CounterLock.waiters(2, on: stage.pool)
        try await Task.sleep(for: .milliseconds(200))
        stage.node.process.signal(SIGTERM)
        try await Task.sleep(for: .milliseconds(200))
        try await end()
        return try await attempts
      }
      // A connection that the node had not accepted before the signal may be closed, without a charge.
      let answered = attempts.filter { $0.status == 200 }.count
      #expect(answered >= 2)
      #expect(attempts.allSatisfy { [200, nil].contains($0.status) && !$0.isTorn })
      try await stage.expectUsed(Int64(1 + answered))
      #expect(try await stage.node.process.ended() == .exited(0))
    }
  }

  enum Ending: CaseIterable, Sendable {
    case delete, revoke, rotate
  }

  private func with(members: String, _ body: (Stage) async throws -> Void) async throws {
    try await Node.with(count: 2) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await nodes[0].child(of: root, members)
      try await withClient(connections: 64) { client in
        try await database.withPool { pool in
          try await body(
            Stage(node: nodes[1], manager: nodes[0], root: root, child: child, pool: pool, client: client))
        }
      }
    }
  }
}

/// One key that is verified on one node and managed on another.
private struct Stage: Sendable {
  let node: Node
  let manager: Node
  let root: Account
  let child: Account
  let pool: ConnectionPool
  let client: HTTPClient

  func charge(_ requests: Int) async throws {
    #expect(try await node.verify(child, "?requests=\(requests)").status == 200)
  }

  func sibling(_ members: String) async throws -> Account { try await manager.child(of: root, members) }

  func verifyConcurrently(_ count: Int, _ account: Account? = nil) async throws -> [Reply] {
    try await concurrently(count) { _ in try await node.verify(account ?? child, via: client) }
  }

  func expectUsed(_ requests: Int64) async throws {
    let counters = try await Counters.read(child.keyID, on: pool)
    #expect(counters.used == Amounts(requests: requests) && counters.daily == counters.used)
  }

  /// - Returns: the usage when it is answered.
  func lowerLimit(to limit: Int) async throws -> Int64 {
    let body = #"{"id":"\#(child.keyID)","usage_limit":\#(limit)}"#
    #expect(try await manager.apiKey(.PUT, root, body: body).status == 200)
    return try await Counters.read(child.keyID, on: pool).used.requests
  }

  /// - Returns: the usage when it is answered.
  func end(_ ending: FenceTests.Ending) async throws -> Int64 {
    let reply =
      switch ending {
      case .delete: try await manager.apiKey(.DELETE, root, query: "?id=\(child.keyID)")
      case .revoke: try await manager.scrubbe(.POST, "/\(child.keyID)/revoke", root)
      case .rotate: try await manager.scrubbe(.POST, "/\(child.keyID)/rotate", root)
      }
    #expect(reply.status == 200)
    return try await Counters.read(child.keyID, on: pool).used.requests
  }
}
