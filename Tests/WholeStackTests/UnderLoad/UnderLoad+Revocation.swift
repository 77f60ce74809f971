import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

extension UnderLoad {
  @Suite("Revocation") struct Revocation {
    private static let workers = 8
    private static let trialsPerWorker = 128

    /// What ends a key's value at once.
    enum Ending: CaseIterable, Sendable {
      case deletion, revocation, rotation, leak

      func answer(
        on node: Node, _ child: Account, _ root: Account, via client: HTTPClient
      ) async throws -> Reply {
        switch self {
        case .deletion:
          try await send(
            .DELETE, node.baseURL + "/api/v1/api-key?id=\(child.keyID)", headers: root.headers, via: client)
        case .revocation: try await node.scrubbe(.POST, "/\(child.keyID)/revoke", root, via: client)
        case .rotation: try await node.scrubbe(.POST, "/\(child.keyID)/rotate", root, via: client)
        case .leak: try await GitHub.test.report([child.key], to: node, via: client)
        }
      }
    }

    @Test(
      "No verification that begins on one node after a value's end was answered on another is admitted",
      arguments: Ending.allCases)
    func deadFromTheAnswerOn(ending: Ending) async throws {
      try await Node.with(count: 2, environment: GitHub.test.environment) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        try await withClient(connections: Self.workers * 3) { client in
          let tallies = try await concurrently(Self.workers) { _ in
            var tally = Tally()
            for _ in 0..<Self.trialsPerWorker {
              tally += try await Self.trial(
                ending, on: nodes[0], verifyingOn: nodes[1], root, via: client)
            }
            return tally
          }
          let total = tallies.reduce(into: Tally()) { $0 += $1 }
          #expect(total.admittedAfter == 0)
          #expect(total.refusedAfter >= 2 * Self.workers * Self.trialsPerWorker)
          #expect(total.admittedBefore > Self.workers * Self.trialsPerWorker)
          #expect(total.other == 0)
        }
      }
    }

    /// One value's life: verified all the time on one node, ended on the other.
    private static func trial(
      _ ending: Ending, on first: Node, verifyingOn second: Node, _ root: Account, via client: HTTPClient
    ) async throws -> Tally {
      let child = try await first.child(of: root, via: client)
      let answered = Shared<ContinuousClock.Instant?>(nil)
      let admitted = Shared(0)
      async let verifications = concurrently(2) { _ in
        var tally = Tally()
        while true {
          let ended = answered.value
          let attempt = await second.attemptVerify(child, via: client)
          tally.count(attempt, after: ended)
          admitted.increment()
          // The request that began after the answer is the last one.
          if ended != nil { return tally }
        }
      }
      _ = try await eventually("the load to be under way") { admitted.value >= 2 ? true : nil }
      let reply = try await ending.answer(on: first, child, root, via: client)
      answered.value = .now
      guard reply.status == 200 else { throw TestFailure("\(reply.status): \(reply.body)") }
      return try await verifications.reduce(into: Tally()) { $0 += $1 }
    }
  }
}

/// How verifications ended that began before and after the end of a value was answered.
private struct Tally: Sendable {
  var admittedBefore = 0
  var admittedAfter = 0
  var refusedAfter = 0
  var other = 0

  /// - Parameter ended: when the end was answered, if that was known before the verification began.
  mutating func count(_ attempt: Attempt, after ended: ContinuousClock.Instant?) {
    let isAfter = ended.map { $0 <= attempt.begun } ?? false
    switch (attempt.status, isAfter) {
    case (200, false): admittedBefore += 1
    case (200, true): admittedAfter += 1
    case (401, true): refusedAfter += 1
    // It may have been judged between the end and its answer.
    case (401, false): break
    default: other += 1
    }
  }

  static func += (left: inout Tally, right: Tally) {
    left.admittedBefore += right.admittedBefore
    left.admittedAfter += right.admittedAfter
    left.refusedAfter += right.refusedAfter
    left.other += right.other
  }
}
