import KeymeterOps
import Glibc
import SystemPackage
import Testing

extension ClusterTests {
  @Suite("Recovering", .serialized, .timeLimit(.minutes(10)))
  struct Recovery {
    @Test("a start after kill -9 of the server recovers what was committed")
    func killedServer() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(directory: scratch.cluster, binaries: binaries)
        try await cluster.start()
        _ = try await answer(cluster, "create table kept as select 7 as n")
        let first = try #require(await cluster.postmasterPID)
        kill(first, SIGKILL)
        try await cluster.start()
        #expect(await cluster.postmasterPID != first)
        #expect(try await answer(cluster, "select n from kept") == "7")
      }
    }

    @Test("a stale postmaster.pid with the number of a living stranger prevents nothing and harms nobody")
    func recycledProcessID() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        let file = cluster.dataDirectory.appending("postmaster.pid")
        let lines = try await contents(file).split(separator: "\n").dropFirst()
        try await cluster.stop()
        // Of the server's own user, whom the server itself would take for another postmaster.
        let identity = isRoot ? "setpriv --reuid=postgres --regid=postgres --clear-groups" : ""
        let script = "\(identity) sleep 60 >/dev/null 2>&1 & echo $!"
        let stranger = try #require(Int32(try await tool("/bin/sh", ["-c", script]).output))
        defer { kill(stranger, SIGKILL) }
        let stale = (["\(stranger)"] + lines).joined(separator: "\n") + "\n"
        _ = try await tool("/bin/sh", ["-c", "printf %s \"$1\" > \"$2\"", "sh", stale, file.string])
        #expect(await !cluster.isRunning())
        cluster.stopNow()
        try await cluster.stop()
        try await cluster.start()
        #expect(try await answer(cluster, "select 1") == "1")
        #expect(kill(stranger, 0) == 0)
      }
    }

    @Test("an initdb that was interrupted is begun anew")
    func interruptedInitdb() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        let task = Task { try await cluster.start() }
        let begun = try await eventually {
          (try? await tool("/bin/ls", [scratch.cluster.string]).output.contains("data.incomplete")) == true
        }
        try #require(begun)
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        let leftover = "\(scratch.cluster)/data.incomplete"
        let script = "mkdir -p $1/base && echo 15 > $1/PG_VERSION"
        _ = try await tool("/bin/sh", ["-c", script, "sh", leftover])
        #expect(!exists(cluster.dataDirectory))
        try await cluster.start()
        #expect(try await answer(cluster, "select 1") == "1")
        #expect(try await !tool("/bin/ls", [scratch.cluster.string]).output.contains("incomplete"))
      }
    }

    @Test("concurrent first starts make one cluster with one server")
    func concurrentStarts() async throws {
      try await withScratch { scratch, binaries in
        let clusters = (0..<4).map { _ in
          PostgresCluster(
            directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for cluster in clusters { group.addTask { try await cluster.start() } }
          try await group.waitForAll()
        }
        var servers: Set<Int32?> = []
        for cluster in clusters { servers.insert(await cluster.postmasterPID) }
        #expect(servers.count == 1 && !servers.contains(nil))
        let log = try await contents(clusters[0].logFile)
        #expect(log.split(separator: "\n").count { $0.contains("ready to accept connections") } == 1)
      }
    }

    @Test("a cluster of another major version is refused with both versions named, and left alone")
    func otherVersion() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        try await cluster.stop()
        let version = cluster.dataDirectory.appending("PG_VERSION")
        _ = try await tool("/bin/sh", ["-c", "echo 9 > \"$1\"", "sh", version.string])
        let error = try await #require(throws: EmbeddedPostgresError.self) { try await cluster.start() }
        #expect(
          error
            == .versionMismatch(
              dataDirectory: cluster.dataDirectory, cluster: "9", binaries: binaries.majorVersion))
        #expect(
          "\(error)".contains("PostgreSQL 9") && "\(error)".contains("version \(binaries.majorVersion)"))
        #expect(try await contents(version) == "9")
      }
    }
  }
}
