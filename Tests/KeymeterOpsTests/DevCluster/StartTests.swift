import KeymeterOps
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ClusterTests {
  @Suite("Starting a cluster", .serialized, .timeLimit(.minutes(10)))
  struct Starting {
    @Test("The invoking user is a superuser without a password, and the server has no TCP socket")
    func freshStart() async throws {
      try await withCluster(.init(settings: ["listen_addresses": "*"])) { cluster in
        try await cluster.start()
        let sql = """
          select usesuper, current_setting('server_encoding'), current_setting('data_checksums'),
            current_setting('listen_addresses'), current_setting('data_directory')
          from pg_user where usename = current_user
          """
        #expect(try await answer(cluster, sql) == "t|UTF8|on||\(cluster.directory)/data")
      }
    }

    @Test("Only the named roles may connect over the socket")
    func roles() async throws {
      try await withCluster(.init(roles: ["app"])) { cluster in
        try await cluster.start()
        _ = try await answer(cluster, "create role app login; create role other login")
        #expect(try await answer(cluster, "select current_user", role: "app") == "app")
        #expect(try await answer(cluster, "select 1", role: "other") == nil)
      }
    }

    @Test("The caller's PGHOST, PGPORT, PGDATA and locale have no effect")
    func callersEnvironment() async throws {
      let misleading = ["PGPORT": "1", "PGDATA": "/nowhere", "LC_ALL": "xx_XX"]
      for (name, value) in misleading { setenv(name, value, 1) }
      defer { for name in misleading.keys { unsetenv(name) } }
      try await withCluster { cluster in
        try await cluster.start()
        #expect(try await answer(cluster, "select 1") == "1")
        let postmaster = try #require(cluster.postmasterPID)
        #expect(try await shell("grep -c -e /nowhere -e xx_XX /proc/\(postmaster)/environ") == nil)
      }
    }

    @Test("The server leads a separate session, so Ctrl-C does not reach it")
    func ownSession() async throws {
      try await withCluster { cluster in
        try await cluster.start()
        let postmaster = try #require(cluster.postmasterPID)
        #expect(getsid(postmaster) > 0 && getsid(postmaster) != getsid(0))
        #expect(getpgid(postmaster) != getpgid(0))
      }
    }

    @Test("Settings reach the server unchanged, including quotes, blanks and dollars")
    func settings() async throws {
      let value = "it's $HOME `x` \"y\""
      try await withCluster(.init(settings: ["keymeter.note": value])) { cluster in
        try await cluster.start()
        #expect(try await answer(cluster, "show keymeter.note") == value)
      }
    }

    @Test("If the server rejects a setting, the error has the reason from its log")
    func rejectedSetting() async throws {
      try await withCluster(.init(settings: ["no_such_setting": "1"])) { cluster in
        let error = try await #require(throws: PostgresClusterError.self) { try await cluster.start() }
        #expect("\(error)".contains("no_such_setting"))
        #expect(cluster.postmasterPID == nil)
      }
    }

    @Test("A path with shell characters is rejected before anything is created")
    func shellCharacters() async throws {
      try await withCluster(named: "a$(id)") { cluster in
        await #expect(throws: PostgresClusterError.invalidPath(cluster.directory)) {
          try await cluster.start()
        }
        #expect(!exists(cluster.directory))
      }
    }

    @Test(
      "If the server's user can't enter the directory, every run uses the same one below the shared directory",
      .enabled(if: isRoot))
    func closedParent() async throws {
      try await withCluster { cluster in
        #expect(chmod(cluster.directory.removingLastComponent().string, 0o700) == 0)
        try await cluster.start()
        #expect(cluster.location.removingLastComponent() == PostgresCluster.sharedRoot)
        #expect(try await answer(cluster, "show data_directory") == cluster.dataDirectory.string)
        let again = PostgresCluster(directory: cluster.directory, binaries: try PostgresBinaries.find())
        #expect(again.postmasterPID == cluster.postmasterPID)
      }
    }
  }

  @Suite("The socket of a cluster whose path is too long", .serialized, .timeLimit(.minutes(10)))
  struct LongPath {
    private static let name = "it's here, too: " + String(repeating: "long", count: 30)

    @Test("It is in a private directory below /tmp")
    func privateDirectory() async throws {
      try await withCluster(named: Self.name) { cluster in
        try await cluster.start()
        #expect(cluster.socketDirectory.removingLastComponent() == "/tmp")
        #expect(try await shell("stat -c %a \(cluster.socketDirectory)") == "700")
        #expect(try await answer(cluster, "select 1") == "1")
      }
    }

    @Test("A directory of another user is rejected and stays unchanged")
    func foreignDirectory() async throws {
      try await withCluster(named: Self.name) { cluster in
        #expect(mkdir(cluster.socketDirectory.string, 0o777) == 0)
        #expect(chmod(cluster.socketDirectory.string, 0o777) == 0)
        await #expect(throws: PostgresClusterError.self) { try await cluster.start() }
        let mode = try await shell("stat -c %a \(cluster.socketDirectory)")
        #expect(mode == "777")
        #expect(cluster.postmasterPID == nil)
      }
    }
  }
}
