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

@Suite("The time between the order to stop and the end", .timeLimit(.minutes(2)))
struct DrainTests {
  @Test("It is not ready at once, answers as before, and ends each connection with its next answer")
  func serves() async throws {
    try await Node.with(environment: ["KEYMETER_DRAIN_SECONDS": "3"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let idle = try await RawConnection.open(port: node.port)
      #expect(try await send(.GET, node.baseURL + "/health/ready").status == 200)
      node.process.signal(SIGTERM)
      let refused = try await eventually("it to be not ready") {
        let reply = try await send(.GET, node.baseURL + "/health/ready")
        return reply.status == 503 ? reply : nil
      }
      #expect(refused.text("reason") == "draining")
      #expect(refused.header("Connection") == "close")
      #expect(try await send(.GET, node.baseURL + "/health/live").status == 200)
      for _ in 0..<3 {
        let reply = try await node.verify(root)
        #expect(reply.status == 200 && reply.header("Connection") == "close")
      }
      #expect(idle.isOpen, "whoever has asked nothing is left alone until the end")
      #expect(try await node.process.ended() == .exited(0))
      #expect(try await Counters.read(root.keyID, at: database.url).used.requests == 3)
      _ = try await idle.untilClosed(within: .seconds(5))
    }
  }

  @Test("There is none unless it is set", arguments: [nil, "0"])
  func none(_ seconds: String?) async throws {
    var environment: [String: String] = [:]
    environment["KEYMETER_DRAIN_SECONDS"] = seconds
    try await Node.with(environment: environment) { node, _ in
      #expect(try await send(.GET, node.baseURL + "/health/ready").header("Connection") == nil)
      node.process.signal(SIGTERM)
      #expect(try await node.process.ended() == .exited(0))
      let log = try node.process.log
      #expect(!log.contains("draining"))
    }
  }

  @Test("A value that is no number of seconds stops the start", arguments: ["-1", "soon", "3601"])
  func refused(_ value: String) async throws {
    let process = try await ServerProcess.start(
      ["serve"],
      environment: [
        "DATABASE_URL": "postgresql:///none", "KEYMETER_PEPPERS": Node.peppers,
        "KEYMETER_DRAIN_SECONDS": value,
      ])
    let status = try await process.ended()
    let log = try process.log
    await process.discard()
    #expect(status == .exited(78))
    #expect(log.contains("KEYMETER_DRAIN_SECONDS must be a whole number from 0 to 3600"))
  }
}
