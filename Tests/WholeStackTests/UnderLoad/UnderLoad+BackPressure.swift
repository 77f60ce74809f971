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
  @Suite("Back-pressure") struct BackPressure {
    private static let burst = 400

    @Test("With PostgreSQL frozen a burst is answered 503 in bounded time and memory; then it recovers")
    func frozen() async throws {
      try await OwnCluster.with { cluster in
        let url = cluster.connectionURL(database: "keymeter")
        let node = try await Node.start(databaseURL: url, environment: Node.quiet)
        do {
          let root = try await OwnCluster.organisation("clinic", on: cluster)
          let attempts = try await withClient(connections: Self.burst) { client in
            // The connections and what they cost come before the burst.
            let warm = try await concurrently(Self.burst) { _ in await node.attemptVerify(root, via: client) }
            let before = try Processes.residentBytes(of: node.process.processID)
            let frozen = try await Self.burst(
              on: node, root, frozen: try #require(await cluster.postmasterPID), via: client)
            let after = try Processes.residentBytes(of: node.process.processID)
            #expect(after - before < 64 * 1_024 * 1_024, "from \(before) to \(after) bytes")
            return warm + frozen
          }
          _ = try await eventually("the server to recover") {
            let verified = try await node.verify(root, "?requests=0").status
            return verified == 200 ? true : nil
          }
          try await Self.expectLaw(attempts, root, at: url)
        } catch {
          await node.process.discard()
          throw error
        }
        await node.process.discard()
      }
    }

    /// Freezes PostgreSQL, calls all at once and then a few times more, and thaws it.
    private static func burst(
      on node: Node, _ root: Account, frozen postmaster: pid_t, via client: HTTPClient
    ) async throws -> [Attempt] {
      kill(postmaster, SIGSTOP)
      let family = Processes.family(of: postmaster)
      for process in family { kill(process, SIGSTOP) }
      defer { for process in family { kill(process, SIGCONT) } }
      return try await within(.seconds(60), "answers while PostgreSQL is frozen") {
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
          #expect(attempt.ended - attempt.begun < .seconds(25), "a generous bound; it should be about 5 s")
        }
        #expect(try await send(.GET, node.baseURL + "/health/live", via: client).status == 200)
        return attempts
      }
    }

    private static func expectLaw(_ attempts: [Attempt], _ root: Account, at url: String) async throws {
      let answered = attempts.filter { [200, 201].contains($0.status) }.count
      let open = attempts.filter(\.isOpen).count
      #expect(answered == burst, "the burst before the freeze")
      let counters = try await Counters.read(root.keyID, at: url)
      #expect((answered...answered + open).contains(Int(counters.used.requests)))
      #expect(counters.daily == counters.used)
    }
  }
}
