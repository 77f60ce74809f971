import AsyncHTTPClient
import KeymeterOps
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
  @Suite("kill -9") struct Kills {
    @Test("A node killed under load loses no answered charge, and reports count exactly once")
    func node() async throws {
      try await Node.with(count: 2) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        let load = try await KillLoad(on: nodes[0], root, limits: [40, 400, nil])
        let servers = Servers(nodes)
        let second = Shared<Node?>(nil)
        let seen = try await load.run(on: servers, attempts: 600) {
          nodes[0].process.signal(SIGKILL)
          _ = try await nodes[0].process.ended()
          let restarted = try await Node.start(databaseURL: database.url)
          second.value = restarted
          servers.replace(0, by: restarted)
        }
        try await load.expectExact(seen, at: database.url)
        #expect(seen.verifications.contains { $0.attempt.status == nil }, "no request failed by the kill")
        await second.value?.process.discard()
      }
    }

    @Test(
      "PostgreSQL killed under load loses no answered charge, and requests get 503 until it is back")
    func postgres() async throws {
      try await OwnCluster.with { cluster in
        let url = cluster.connectionURL(database: "keymeter")
        try await Node.with(on: url) { node in
          for killsAll in [false, true] {
            // Event ids belong to an organisation, and each round starts them anew.
            let root = try await OwnCluster.organisation(killsAll ? "second" : "first", on: cluster)
            let load = try await KillLoad(on: node, root, limits: [40, 400, nil])
            let seen = try await load.run(on: Servers([node]), attempts: 400) {
              let family = Processes.family(of: try #require(cluster.postmasterPID))
              for process in killsAll ? family : [family[0]] { kill(process, SIGKILL) }
              try await Self.expectUnavailable(node, root)
              try await cluster.start()
              _ = try await eventually("the server to recover") {
                try await node.verify(root).status == 200 ? true : nil
              }
            }
            try await load.expectExact(seen, at: url)
            #expect(
              seen.verifications.allSatisfy { $0.attempt.status != nil }, "the node answered every request")
            #expect(seen.verifications.contains { $0.attempt.status == 503 }, "no request failed by the kill")
          }
        }
      }
    }

    private static func expectUnavailable(_ node: Node, _ root: Account) async throws {
      let reply = try await eventually("503") {
        let reply = try await node.verify(root)
        return reply.status == 503 ? reply : nil
      }
      #expect(reply.header("Retry-After") == "1")
      #expect(reply.text("code") == "unavailable")
    }
  }
}
