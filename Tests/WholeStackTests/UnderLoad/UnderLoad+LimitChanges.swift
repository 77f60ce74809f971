import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

extension UnderLoad {
  @Suite("Limit changes") struct LimitChanges {
    private static let rounds = 30
    private static let workers = 24

    @Test("Once a lowered limit is answered, no charge on another node takes usage over it")
    func loweredLimitHolds() async throws {
      try await Node.with(count: 2) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        let child = try await nodes[0].child(of: root, #""usage_limit":1000000"#)
        let isOver = Shared(false)
        try await withClient(connections: Self.workers) { client in
          async let attempts = concurrently(Self.workers) { _ in
            var attempts: [Attempt] = []
            while !isOver.value {
              attempts.append(await nodes[1].attemptVerify(child, via: client))
            }
            return attempts
          }
          let lowered = try await database.withPool { pool in
            defer { isOver.value = true }
            var lowered: [Lowered] = []
            for _ in 0..<Self.rounds {
              lowered.append(try await Self.lower(child, by: root, on: nodes[0], pool))
            }
            return lowered
          }
          try await Self.expectObeyed(lowered, by: attempts.flatMap { $0 })
        }
        let counters = try await Counters.read(child.keyID, at: database.url)
        #expect(counters.daily == counters.used)
      }
    }

    /// A limit, and the time in which it applied.
    private struct Lowered: Sendable {
      let limit: Int64
      let answered: ContinuousClock.Instant
      let raised: ContinuousClock.Instant
    }

    /// Lowers the limit to about the current usage, checks that it holds, and raises it again.
    private static func lower(
      _ child: Account, by root: Account, on node: Node, _ pool: ConnectionPool
    ) async throws -> Lowered {
      let used = try await Counters.read(child.keyID, on: pool).used.requests
      let limit = max(0, used + .random(in: -5...20))
      try await put(limit, of: child, by: root, on: node)
      let answered = ContinuousClock.now
      let usedAtAnswer = try await Counters.read(child.keyID, on: pool).used.requests
      for _ in 0..<3 {
        try await Task.sleep(for: .milliseconds(8))
        let usedLater = try await Counters.read(child.keyID, on: pool).used.requests
        #expect(usedLater <= max(usedAtAnswer, limit))
      }
      let raised = ContinuousClock.now
      try await put(used + 1_000_000, of: child, by: root, on: node)
      try await Task.sleep(for: .milliseconds(15))
      return Lowered(limit: limit, answered: answered, raised: raised)
    }

    private static func put(_ limit: Int64, of child: Account, by root: Account, on node: Node) async throws {
      let reply = try await node.apiKey(
        .PUT, root, body: #"{"id":"\#(child.keyID)","usage_limit":\#(limit)}"#)
      guard reply.status == 200 else { throw TestFailure("\(reply.status): \(reply.body)") }
    }

    /// A request that began and ended while a limit applied was judged by it.
    private static func expectObeyed(_ lowered: [Lowered], by attempts: [Attempt]) throws {
      var judged = 0
      for attempt in attempts {
        let reply = try #require(attempt.reply)
        #expect([200, 429].contains(reply.status))
        guard let held = lowered.first(where: { $0.answered <= attempt.begun && attempt.ended <= $0.raised })
        else { continue }
        judged += 1
        guard reply.status == 200 else { continue }
        #expect(reply.limit("requests", "limit").map { Int64($0) } == held.limit)
        #expect((reply.limit("requests", "used").map { Int64($0) } ?? .max) <= held.limit)
      }
      #expect(judged > 0, "no request fell into the time of a lowered limit")
    }
  }
}
