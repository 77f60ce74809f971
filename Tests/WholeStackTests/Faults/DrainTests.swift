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

@Suite("Draining before a graceful shutdown", .timeLimit(.minutes(10)))
struct DrainTests {
  @Test("A draining node is not ready, still serves, and closes each connection after its next response")
  func serves() async throws {
    // Long enough for the requests below on a busy machine.
    try await Node.with(environment: ["KEYMETER_DRAIN_SECONDS": "10"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let idle = try await RawConnection.open(port: node.port)
      #expect(try await send(.GET, node.baseURL + "/health/ready").status == 200)
      let begun = ContinuousClock.now
      node.process.signal(SIGTERM)
      let rejected = try await eventually("the node to be not ready") {
        let reply = try await send(.GET, node.baseURL + "/health/ready")
        return reply.status == 503 ? reply : nil
      }
      #expect(rejected.text("reason") == "draining")
      #expect(rejected.header("Connection") == "close")
      for _ in 0..<3 {
        let reply = try await node.verify(root)
        #expect(reply.status == 200 && reply.header("Connection") == "close")
      }
      #expect(idle.isOpen, "a client without a request stays connected until the end")
      #expect(try await node.process.ended() == .exited(0))
      #expect(ContinuousClock.now - begun >= .seconds(10))
      #expect(try await Counters.read(root.keyID, at: database.url).used.requests == 3)
      _ = try await idle.untilClosed()
    }
  }

  @Test("Without the setting, or with 0, a node does not drain")
  func none() async throws {
    for environment in [[:], ["KEYMETER_DRAIN_SECONDS": "0"]] {
      try await Node.with(environment: environment) { node, _ in
        let ready = try await send(.GET, node.baseURL + "/health/ready")
        #expect(ready.header("Connection") == nil)
        node.process.signal(SIGTERM)
        #expect(try await node.process.ended() == .exited(0))
        #expect(try !node.process.log.contains("draining"))
      }
    }
  }
}
