import AsyncHTTPClient
import KeymeterOps
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension UnderLoad {
  @Suite("Backpressure") struct BackPressure {
    private static let burst = 400

    @Test("While PostgreSQL is frozen, a burst gets 503 in bounded time and memory, and the node recovers")
    func frozen() async throws {
      try await OwnCluster.with { cluster in
        let url = cluster.connectionURL(database: "keymeter")
        try await Node.with(on: url) { node in
          let root = try await OwnCluster.organisation("clinic", on: cluster)
          let attempts = try await withClient(connections: Self.burst) { client in
            // Opens the connections, so that their memory does not count.
            let warm = try await concurrently(Self.burst) { _ in await node.attemptVerify(root, via: client) }
            let before = try Processes.residentKilobytes(of: node.process.processID)
            let frozen = try await Self.burst(
              on: node, root, frozen: try #require(cluster.postmasterPID), via: client)
            let after = try Processes.residentKilobytes(of: node.process.processID)
            #expect(after - before < 64 * 1_024, "from \(before) KiB to \(after) KiB")
            return warm + frozen
          }
          _ = try await eventually("the server to recover") {
            try await node.verify(root, "?requests=0").status == 200 ? true : nil
          }
          try await Self.expectExact(attempts, root, at: url)
        }
      }
    }

    /// Freezes PostgreSQL, sends all requests concurrently, and resumes PostgreSQL.
    private static func burst(
      on node: Node, _ root: Account, frozen postmaster: pid_t, via client: HTTPClient
    ) async throws -> [Attempt] {
      kill(postmaster, SIGSTOP)
      let family = Processes.family(of: postmaster)
      for process in family { kill(process, SIGSTOP) }
      defer { for process in family { kill(process, SIGCONT) } }
      return try await withPatience("responses while PostgreSQL is frozen") {
        let attempts = try await concurrently(Self.burst) { number in
          switch number % 8 {
          case 0: await node.attemptPost("usage/reserve", root, #"{"requests":1}"#, via: client)
          case 1: await node.attemptPost("usage/record", root, #"{"requests":1}"#, via: client)
          default: await node.attemptVerify(root, via: client)
          }
        }
        for attempt in attempts {
          #expect(attempt.status == 503)
          #expect(attempt.reply?.header("Retry-After") == "1")
          // The server's own limit is 5 s. The rest is for a busy machine.
          #expect(attempt.ended - attempt.begun < .seconds(60))
        }
        #expect(try await send(.GET, node.baseURL + "/health/live", via: client).status == 200)
        return attempts
      }
    }

    private static func expectExact(_ attempts: [Attempt], _ root: Account, at url: String) async throws {
      let answered = attempts.count { [200, 201].contains($0.status) }
      let open = attempts.count(where: \.isOpen)
      let counters = try await Counters.read(root.keyID, at: url)
      #expect((answered...answered + open).contains(Int(counters.used.requests)))
      #expect(counters.daily == counters.used)
    }
  }
}
