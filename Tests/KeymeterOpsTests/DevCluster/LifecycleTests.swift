import KeymeterOps
import Glibc
import SystemPackage
import Testing

extension ClusterTests {
  @Suite("Stopping and starting again", .serialized, .timeLimit(.minutes(10)))
  struct Lifecycle {
    @Test("a second start adopts the running server and lets its roles in beside the first's")
    func adoption() async throws {
      try await withScratch { scratch, binaries in
        let first = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: disposable, roles: ["one"]))
        try await first.start()
        let postmaster = try #require(await first.postmasterPID)
        _ = try await answer(first, "create role one login; create role two login")
        let second = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: disposable, roles: ["two"]))
        try await second.start()
        #expect(await second.postmasterPID == postmaster)
        let admitted = try await eventually { (try? await answer(second, "select 1", role: "two")) == "1" }
        #expect(admitted)
        #expect(try await answer(first, "select 1", role: "one") == "1")
      }
    }

    @Test("other settings restart a server that nobody else uses, and are refused while somebody does")
    func otherSettings() async throws {
      try await withScratch { scratch, binaries in
        let other = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: ["fsync": "off", "work_mem": "5MB"]))
        do {
          let first = PostgresCluster(
            directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
          try await first.start()
          let refusal = EmbeddedPostgresError.inUseWithOtherSettings(dataDirectory: first.dataDirectory)
          await #expect(throws: refusal) {
            try await other.start()
          }
          #expect(try await answer(first, "select 1") == "1")
        }
        // The first owner is gone, as if killed: its lock went with it.
        try await other.start()
        #expect(try await answer(other, "show work_mem") == "5MB")
      }
    }

    @Test("data outlives a stop and a start, and stopping what does not run succeeds")
    func stopIsIdempotent() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.stop()
        #expect(!exists(scratch.cluster))
        try await cluster.start()
        _ = try await answer(cluster, "create table kept as select 7 as n")
        try await cluster.stop()
        try await cluster.stop(.immediate)
        #expect(await !cluster.isRunning())
        #expect(await cluster.postmasterPID == nil)
        try await cluster.start()
        #expect(try await answer(cluster, "select n from kept") == "7")
      }
    }

    @Test("a stop goes on to its end in a cancelled task")
    func stopIsShielded() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        let task = Task {
          withUnsafeCurrentTask { $0?.cancel() }
          try await cluster.stop()
        }
        try await task.value
        #expect(await !cluster.isRunning())
      }
    }

    @Test("a stop thaws a frozen server and ends it")
    func stopFrozen() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        kill(try #require(await cluster.postmasterPID), SIGSTOP)
        #expect(await cluster.isRunning())
        try await cluster.stop()
        #expect(await !cluster.isRunning())
      }
    }

    @Test("stopNow ends the server synchronously, and the next start recovers")
    func stopNow() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        cluster.stopNow()
        try await cluster.start()
        cluster.stopNow()
        #expect(await !cluster.isRunning())
        try await cluster.start()
        #expect(try await answer(cluster, "select 1") == "1")
      }
    }

    @Test("destroy leaves nothing but the directory and its locks")
    func destroy() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        try await cluster.destroy()
        #expect(await !cluster.isRunning())
        #expect(try await tool("/bin/ls", [scratch.cluster.string]).output == "in-use\nlock")
      }
    }
  }
}
