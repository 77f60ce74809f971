import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

extension UnderLoad {
  @Suite("Revocation") struct Revocation {
    private static let workers = 8
    private static let trialsPerWorker = 32

    /// The changes that end a secret at once.
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
      "No verification that starts on one node after another node answered the revocation is admitted",
      arguments: Ending.allCases)
    func rejectedAtOnce(ending: Ending) async throws {
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
          #expect(total.rejectedAfter >= 2 * Self.workers * Self.trialsPerWorker)
          #expect(total.admittedBefore > Self.workers * Self.trialsPerWorker)
          #expect(total.other == 0)
        }
      }
    }

    /// Verifies a secret continuously on one node while the other node ends it.
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
          // The first request that began after the answer is the last one.
          if ended != nil { return tally }
        }
      }
      _ = try await eventually("the load to run") { admitted.value >= 2 ? true : nil }
      let reply = try await ending.answer(on: first, child, root, via: client)
      answered.value = .now
      guard reply.status == 200 else { throw TestFailure("\(reply.status): \(reply.body)") }
      return try await verifications.reduce(into: Tally()) { $0 += $1 }
    }
  }
}

/// The outcomes of verifications that began before and after the end of a secret was answered.
private struct Tally: Sendable {
  var admittedBefore = 0
  var admittedAfter = 0
  var rejectedAfter = 0
  var other = 0

  /// - Parameter ended: when the end was answered, if the client knew it before the verification began.
  mutating func count(_ attempt: Attempt, after ended: ContinuousClock.Instant?) {
    let isAfter = ended.map { $0 <= attempt.begun } ?? false
    switch (attempt.status, isAfter) {
    case (200, false): admittedBefore += 1
    case (200, true): admittedAfter += 1
    case (401, true): rejectedAfter += 1
    // It may have been judged between the end and the answer.
    case (401, false): break
    default: other += 1
    }
  }

  static func += (left: inout Tally, right: Tally) {
    left.admittedBefore += right.admittedBefore
    left.admittedAfter += right.admittedAfter
    left.rejectedAfter += right.rejectedAfter
    left.other += right.other
  }
}
