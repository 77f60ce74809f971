import KeymeterOps
import Glibc
import SystemPackage
import Testing

/// With blanks, a quote and a comma, and longer than a socket's path may be.
private let longName = "it's here, too: " + String(repeating: "long", count: 30)

extension ClusterTests {
  @Suite("AsyncSemaphore", .serialized, .timeLimit(.minutes(10)))
  struct AsyncSemaphore {
    @Test("a directory whose path is too long for a socket gets a private one that every process finds")
    func longPath() async throws {
      try await withScratch(clusterName: longName) { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        #expect(cluster.socketDirectory.removingLastComponent() == "/tmp")
        let mode = try await tool("/usr/bin/stat", ["-c", "%a", cluster.socketDirectory.string]).output
        #expect(mode == "700")
        let second = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        #expect(try await answer(second, "select 1") == "1")
        try await cluster.destroy()
        #expect(!exists(cluster.socketDirectory))
      }
    }

    @Test("a socket directory that somebody else prepared is refused and left as it is")
    func foreignSocketDirectory() async throws {
      try await withScratch(clusterName: longName) { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        #expect(mkdir(cluster.socketDirectory.string, 0o777) == 0)
        #expect(chmod(cluster.socketDirectory.string, 0o777) == 0)
        defer { rmdir(cluster.socketDirectory.string) }
        await #expect(throws: EmbeddedPostgresError.self) { try await cluster.start() }
        let mode = try await tool("/usr/bin/stat", ["-c", "%a", cluster.socketDirectory.string]).output
        #expect(mode == "777")
        #expect(await !cluster.isRunning())
      }
    }

    @Test(
      "where the server's user can't enter the directory, the files go to a shared place that is found again",
      .enabled(if: isRoot))
    func closedParent() async throws {
      try await withScratch { scratch, binaries in
        #expect(chmod(scratch.path.string, 0o700) == 0)
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        #expect(cluster.location.removingLastComponent() == "/var/lib/keymeter/clusters")
        #expect(try await answer(cluster, "show data_directory") == cluster.dataDirectory.string)
        let parent = try await tool("/usr/bin/stat", ["-c", "%a %U", scratch.path.string]).output
        #expect(parent == "700 root")
        let second = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        #expect(second.location == cluster.location)
        try await second.start()
        #expect(await second.postmasterPID == cluster.postmasterPID)
        try await cluster.destroy()
        #expect(!exists(cluster.location))
      }
    }

    @Test("a link that leads root anywhere else is not followed", .enabled(if: isRoot))
    func plantedLink() async throws {
      try await withScratch { scratch, binaries in
        let bait = scratch.path.appending("bait")
        #expect(mkdir(scratch.cluster.string, 0o755) == 0 && mkdir(bait.string, 0o755) == 0)
        #expect(symlink(bait.string, scratch.cluster.appending("cluster").string) == 0)
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        #expect(cluster.location == scratch.cluster)
        #expect(try await tool("/bin/ls", [bait.string]).output == "")
      }
    }

    @Test("a path that pg_ctl's shell would expand is refused before anything is created in it")
    func shellCharacters() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(directory: scratch.path.appending("a$(id)"), binaries: binaries)
        let error = try await #require(throws: EmbeddedPostgresError.self) { try await cluster.start() }
        #expect("\(error)".contains("\"$\""))
        #expect(!exists(cluster.dataDirectory))
      }
    }
  }
}
