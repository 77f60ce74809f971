import KeymeterOps
import KeymeterTesting
import NIOHTTP1
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Losing PostgreSQL", .timeLimit(.minutes(10)))
struct DatabaseLossTests {
  @Test(
    "Requests get 503 and the node is not ready while PostgreSQL is killed or frozen, and both recover after it"
  )
  func everyLoss() async throws {
    try await OwnCluster.with { cluster in
      try await Node.with(on: cluster.connectionURL(database: "keymeter")) { node in
        let root = try await OwnCluster.organisation("clinic", on: cluster)
        try await expectReady(node, root)

        let family = Processes.family(of: try #require(cluster.postmasterPID))
        kill(family[0], SIGKILL)
        try await untilEnded(family)
        try await expectUnavailable(node, root)
        try await cluster.start()
        try await expectReady(node, root)

        let second = Processes.family(of: try #require(cluster.postmasterPID))
        for process in second { kill(process, SIGKILL) }
        try await untilEnded(second)
        try await expectUnavailable(node, root)
        try await cluster.start()
        try await expectReady(node, root)

        let postmaster = try #require(cluster.postmasterPID)
        // First the postmaster, so that it starts no further processes.
        kill(postmaster, SIGSTOP)
        let frozen = Processes.family(of: postmaster)
        for process in frozen { kill(process, SIGSTOP) }
        defer { for process in frozen { kill(process, SIGCONT) } }
        try await expectUnavailable(node, root)
        for process in frozen { kill(process, SIGCONT) }
        try await expectReady(node, root)
      }
    }
  }

  @Test("A server that starts before its database becomes ready once the database is there")
  func startWithoutDatabase() async throws {
    try await OwnCluster.with { cluster in
      let root = try await OwnCluster.organisation("clinic", on: cluster)
      try await cluster.stop()
      try await Node.with(on: cluster.connectionURL(database: "keymeter")) { node in
        try await expectUnavailable(node, root)
        try await cluster.start()
        try await expectReady(node, root)
      }
    }
  }

  /// `ReadinessCheckTests` holds how soon readiness answers.
  private func expectUnavailable(_ node: Node, _ root: Account) async throws {
    for _ in 0..<3 {
      let reply = try await node.apiKey(.GET, root)
      #expect(reply.status == 503 && reply.text("code") == "unavailable")
      #expect(reply.header("Retry-After") == "1")
      let ready = try await send(.GET, node.baseURL + "/health/ready")
      #expect(ready.status == 503 && ready.header("Retry-After") == "1")
      #expect(["database_too_slow", "database_unavailable"].contains(ready.text("reason")))
    }
    _ = try await eventually("the metric to be 0") {
      try await node.scrape()["keymeter_ready"] == 0 ? true : nil
    }
    #expect(try await send(.GET, node.baseURL + "/health/live").status == 200)
  }

  private func expectReady(_ node: Node, _ root: Account) async throws {
    _ = try await eventually("the server to recover") {
      try await node.apiKey(.GET, root).status == 200 ? true : nil
    }
    _ = try await eventually("the node to be ready") {
      try await send(.GET, node.baseURL + "/health/ready").status == 200 ? true : nil
    }
    _ = try await eventually("the metric to be 1") {
      try await node.scrape()["keymeter_ready"] == 1 ? true : nil
    }
  }

  /// A backend serves until it notices that its postmaster has ended.
  private func untilEnded(_ processes: [pid_t]) async throws {
    _ = try await eventually("PostgreSQL to end") { processes.allSatisfy { kill($0, 0) != 0 } ? true : nil }
  }
}
