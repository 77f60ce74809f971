import KeymeterOps
import KeymeterTesting
import NIOHTTP1
import Postgres
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("When PostgreSQL is gone", .timeLimit(.minutes(3)))
struct DatabaseLossTests {
  @Test("Requests are answered 503 with Retry-After, and the server recovers by itself")
  func killAndReturn() async throws {
    try await withNodeOnOwnCluster { node, root, cluster in
      #expect(try await node.apiKey(.GET, root).status == 200)

      let postmaster = try #require(await cluster.postmasterPID)
      let others = children(of: postmaster)
      kill(postmaster, SIGKILL)
      // Until it notices, a backend serves on.
      _ = try await eventually("the backends to end") { others.allSatisfy { kill($0, 0) != 0 } ? true : nil }
      for _ in 0..<5 {
        let reply = try await node.apiKey(.GET, root)
        #expect(reply.status == 503)
        #expect(reply.headers.first(name: "Retry-After") == "1")
        #expect(reply.text("code") == "unavailable")
      }
      #expect(try await send(.GET, node.baseURL + "/health/ready").status == 503)
      #expect(try await send(.GET, node.baseURL + "/health/live").status == 200)

      try await cluster.start()
      _ = try await eventually("the server to recover") {
        try await node.apiKey(.GET, root).status == 200 ? true : nil
      }
      _ = try await eventually("the server to be ready") {
        try await send(.GET, node.baseURL + "/health/ready").status == 200 ? true : nil
      }
    }
  }

  @Test(
    "With every process of PostgreSQL killed the node isn't ready, asked or not, and is ready again after")
  func killAll() async throws {
    try await withNodeOnOwnCluster { node, _, cluster in
      #expect(try await send(.GET, node.baseURL + "/health/ready").status == 200)
      let family = Processes.family(of: try #require(await cluster.postmasterPID))
      for process in family { kill(process, SIGKILL) }
      _ = try await eventually("them to end") { family.allSatisfy { kill($0, 0) != 0 } ? true : nil }
      try await expectNotReady(node)
      try await cluster.start()
      try await expectReady(node)
    }
  }

  @Test(
    "With every process of PostgreSQL frozen the node isn't ready, asked or not, and is ready again after")
  func freezeAll() async throws {
    try await withNodeOnOwnCluster { node, _, cluster in
      #expect(try await send(.GET, node.baseURL + "/health/ready").status == 200)
      let postmaster = try #require(await cluster.postmasterPID)
      // It first, so that it makes no more.
      kill(postmaster, SIGSTOP)
      let family = Processes.family(of: postmaster)
      for process in family { kill(process, SIGSTOP) }
      defer { for process in family { kill(process, SIGCONT) } }
      try await expectNotReady(node)
      for process in family { kill(process, SIGCONT) }
      try await expectReady(node)
    }
  }

  /// Each answer comes soon, by a bound that is generous where ten tests share a processor; how soon is held by
  /// `ReadinessCheckTests`.
  private func expectNotReady(_ node: Node) async throws {
    for _ in 0..<3 {
      let begun = ContinuousClock.now
      let reply = try await send(.GET, node.baseURL + "/health/ready")
      #expect(ContinuousClock.now - begun < .seconds(5))
      #expect(reply.status == 503)
      #expect(reply.header("Retry-After") == "1")
      #expect(["database_too_slow", "database_unavailable"].contains(reply.text("reason")))
    }
    _ = try await eventually("the metric to say so") {
      try await node.scrape()["keymeter_ready"] == 0 ? true : nil
    }
    #expect(try await send(.GET, node.baseURL + "/health/live").status == 200)
  }

  private func expectReady(_ node: Node) async throws {
    _ = try await eventually("the node to be ready") {
      try await send(.GET, node.baseURL + "/health/ready").status == 200 ? true : nil
    }
    _ = try await eventually("the metric to say so") {
      try await node.scrape()["keymeter_ready"] == 1 ? true : nil
    }
  }

  @Test("A frozen PostgreSQL means 503 in bounded time, and not ready")
  func freeze() async throws {
    try await withNodeOnOwnCluster { node, root, cluster in
      #expect(try await node.apiKey(.GET, root).status == 200)
      let postmaster = try #require(await cluster.postmasterPID)
      let frozen = [postmaster] + children(of: postmaster)
      for process in frozen { kill(process, SIGSTOP) }

      let ready = try await send(.GET, node.baseURL + "/health/ready")
      let reply = try await node.apiKey(.GET, root)
      for process in frozen { kill(process, SIGCONT) }

      #expect(ready.status == 503)
      #expect(reply.status == 503)
      _ = try await eventually("the server to recover") {
        try await node.apiKey(.GET, root).status == 200 ? true : nil
      }
    }
  }

  @Test("A server that starts before its database becomes ready when the database comes")
  func startWithoutDatabase() async throws {
    try await withNodeOnOwnCluster { _, root, cluster in
      let url = cluster.connectionURL(database: "keymeter")
      try await cluster.stop()
      let early = try await Node.start(databaseURL: url)
      #expect(try await send(.GET, early.baseURL + "/health/ready").status == 503)
      try await cluster.start()
      _ = try await eventually("the early server to be ready") {
        try await send(.GET, early.baseURL + "/health/ready").status == 200 ? true : nil
      }
      #expect(try await early.apiKey(.GET, root).status == 200)
      await early.process.discard()
    }
  }

  /// A cluster that a test may kill, with a server on it.
  private func withNodeOnOwnCluster(
    _ body: (Node, Account, PostgresCluster) async throws -> Void
  ) async throws {
    try await OwnCluster.with { cluster in
      let node = try await Node.start(databaseURL: cluster.connectionURL(database: "keymeter"))
      do {
        try await body(node, try await OwnCluster.organisation("clinic", on: cluster), cluster)
      } catch {
        await node.process.discard()
        throw error
      }
      await node.process.discard()
    }
  }

  private func children(of parent: pid_t) -> [pid_t] {
    guard let text = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children") else { return [] }
    return text.split(separator: " ").compactMap { pid_t($0) }
  }
}

extension String {
  /// A small file of `/proc`, whole.
  fileprivate init(contentsOfFile path: String) throws {
    let file = try FileDescriptor.open(path, .readOnly)
    self = try file.closeAfter {
      try String(unsafeUninitializedCapacity: 65_536) { buffer in
        try file.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
  }
}
