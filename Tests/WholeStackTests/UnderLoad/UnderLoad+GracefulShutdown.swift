import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Subprocess
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension UnderLoad {
  @Suite("Graceful shutdown") struct GracefulShutdown {
    private static let workers = 32

    @Test(
      "A graceful shutdown under load answers every charge, charges every answered request, and exits with 0")
    func nothingIsLost() async throws {
      for _ in 0..<3 {
        try await Node.with { node, database in
          let root = try await Node.organisation("clinic", on: database)
          let answered = Shared(0)
          try await withClient(connections: Self.workers) { client in
            async let load = concurrently(Self.workers) { worker in
              await Self.untilClosed(node, root, worker, via: client) { answered.increment() }
            }
            _ = try await eventually("the load to run") { answered.value > 200 ? true : nil }
            node.process.signal(SIGTERM)
            let attempts = try await load.flatMap { $0 }
            #expect(try await node.process.ended() == .exited(0))

            #expect(!attempts.contains { $0.isTorn }, "half a response")
            #expect(attempts.allSatisfy { [200, 201, nil].contains($0.status) })
            let charged = attempts.count { $0.reply != nil }
            let counters = try await Counters.read(root.keyID, at: database.url)
            #expect(counters.used == Amounts(requests: Int64(charged)))
            #expect(counters.daily == counters.used)
          }
        }
      }
    }

    /// Sends requests until the server no longer accepts connections.
    private static func untilClosed(
      _ node: Node, _ root: Account, _ worker: Int, via client: HTTPClient, _ onAnswer: @Sendable () -> Void
    ) async -> [Attempt] {
      var attempts: [Attempt] = []
      var closed = 0
      while closed < 3 {
        let attempt =
          switch worker % 4 {
          case 0: await node.attemptPost("usage/reserve", root, #"{"requests":1}"#, via: client)
          case 1: await node.attemptPost("usage/record", root, #"{"requests":1}"#, via: client)
          default: await node.attemptVerify(root, via: client)
          }
        attempts.append(attempt)
        if attempt.status == nil { closed += 1 } else { onAnswer() }
      }
      return attempts
    }
  }
}
