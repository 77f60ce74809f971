import KeymeterOps
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ClusterTests {
  @Suite("Stopping, and starting again", .serialized, .timeLimit(.minutes(10)))
  struct Recovery {
    @Test("Data survives a stop. A stop without a server succeeds")
    func stopIsIdempotent() async throws {
      try await withCluster { cluster in
        try await cluster.stop()
        #expect(!exists(cluster.directory))
        try await cluster.start()
        _ = try await answer(cluster, "create table kept as select 7 as n")
        try await cluster.stop()
        try await cluster.stop(.immediate)
        #expect(cluster.postmasterPID == nil)
        try await cluster.start()
        #expect(try await answer(cluster, "select n from kept") == "7")
      }
    }

    @Test("A server left by a killed process is restarted with the new settings")
    func leftServer() async throws {
      try await withCluster { cluster in
        try await cluster.start()
        let first = cluster.postmasterPID
        let second = PostgresCluster(
          directory: cluster.directory, binaries: try PostgresBinaries.find(),
          options: .init(settings: ["fsync": "off", "work_mem": "5MB"]))
        try await second.start()
        #expect(second.postmasterPID != first)
        #expect(try await answer(second, "show work_mem") == "5MB")
      }
    }

    @Test("A cancelled task can stop the server")
    func stopIsShielded() async throws {
      try await withCluster { cluster in
        try await cluster.start()
        let task = Task {
          withUnsafeCurrentTask { $0?.cancel() }
          try await cluster.stop()
        }
        try await task.value
        #expect(cluster.postmasterPID == nil)
      }
    }

    @Test("A suspended server can be stopped")
    func stopSuspended() async throws {
      try await withCluster { cluster in
        try await cluster.start()
        kill(try #require(cluster.postmasterPID), SIGSTOP)
        try await cluster.stop()
        #expect(cluster.postmasterPID == nil)
      }
    }

    @Test("A start after SIGKILL recovers all commits")
    func killedServer() async throws {
      try await withCluster { cluster in
        try await cluster.start()
        _ = try await answer(cluster, "create table kept as select 7 as n")
        kill(try #require(cluster.postmasterPID), SIGKILL)
        try await cluster.start()
        #expect(try await answer(cluster, "select n from kept") == "7")
      }
    }

    @Test(
      "A postmaster.pid with the id of an unrelated process neither prevents a start nor harms that process")
    func recycledProcessID() async throws {
      try await withCluster { cluster in
        try await cluster.start()
        let record = "\(cluster.dataDirectory)/postmaster.pid"
        _ = try await shell("cp '\(record)' '\(record).old'")
        try await cluster.stop()
        // PostgreSQL would mistake a process of the same user for a server.
        let asServer = isRoot ? "setpriv --reuid=postgres --regid=postgres --clear-groups" : ""
        let started = try await shell("\(asServer) sleep 60 >/dev/null 2>&1 & echo $!")
        let unrelated = try #require(started.flatMap { Int32($0) })
        defer { kill(unrelated, SIGKILL) }
        _ = try await shell("sed '1s/.*/\(unrelated)/' '\(record).old' >'\(record)'")
        #expect(cluster.postmasterPID == nil)
        try await cluster.stop()
        try await cluster.start()
        #expect(try await answer(cluster, "select 1") == "1")
        #expect(kill(unrelated, 0) == 0)
      }
    }

    @Test("After an interrupted initdb, the next start begins anew and removes what it left")
    func interruptedInitdb() async throws {
      try await withCluster { cluster in
        let task = Task { try await cluster.start() }
        let drafts = "ls -d '\(cluster.directory)'/data.new-*"
        while try await shell(drafts) == nil { try await Task.sleep(for: .milliseconds(10)) }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(!exists(cluster.dataDirectory))
        _ = try await shell("mkdir -p '\(cluster.directory)/data.new-1/base'")
        try await cluster.start()
        #expect(try await answer(cluster, "select 1") == "1")
        #expect(try await shell(drafts) == nil)
      }
    }
  }
}
