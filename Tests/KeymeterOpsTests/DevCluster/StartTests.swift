import KeymeterOps
import Glibc
import SystemPackage
import Testing

extension ClusterTests {
  @Suite("Starting", .serialized, .timeLimit(.minutes(10)))
  struct Starting {
    @Test("a fresh start answers SQL of the invoking user as superuser, in UTF8 with checksums")
    func freshStart() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(directory: scratch.cluster, binaries: binaries)
        try await cluster.start()
        #expect(await cluster.isRunning())
        let sql = """
          select current_user, usesuper, current_setting('server_encoding'), current_setting('data_checksums'),
            current_setting('server_version_num')::int / 10000 from pg_user where usename = current_user
          """
        #expect(try await answer(cluster, sql) == "postgres|t|UTF8|on|\(binaries.majorVersion)")
        #expect(cluster.location == scratch.cluster)
      }
    }

    @Test("the named roles, and no others, may connect over the socket")
    func roles() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: disposable, roles: ["app \"one\""]))
        try await cluster.start()
        _ = try await answer(cluster, "create role \"app \"\"one\"\"\" login; create role other login")
        #expect(try await answer(cluster, "select current_user", role: "app \"one\"") == "app \"one\"")
        let refused = try await psql(cluster.connectionURL(database: "postgres", role: "other"), "select 1")
        #expect(!refused.succeeded)
        #expect(refused.output.contains("Peer authentication failed"))
      }
    }

    @Test("without a TCP port the server holds no TCP socket")
    func socketOnly() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: disposable.merging(["listen_addresses": "*"]) { $1 }))
        try await cluster.start()
        #expect(try await listeningSockets(cluster) == 0)
        #expect(await cluster.tcpConnectionURL(database: "postgres") == nil)
      }
    }

    @Test("over TCP the password is needed, a wrong one is refused, and only its file holds it")
    func passwordOverTCP() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: disposable, tcpPort: try freePort()))
        try await cluster.start()
        let url = try #require(await cluster.tcpConnectionURL(database: "postgres"))
        #expect(try await listeningSockets(cluster) == 1)
        #expect(try await psql(url, "select 1").output == "1")
        let password = try await contents(scratch.cluster.appending("password"))
        let open = try #require(url.firstRange(of: ":\(password)@"))
        let bare = url.replacingCharacters(in: open, with: "@")
        #expect(try await psql(bare, "select 1").output.contains("no password supplied"))
        let wrong = try await psql(bare, "select 1", password: "wrong")
        #expect(wrong.output.contains("password authentication failed"))
        let mode = try await tool("/usr/bin/stat", ["-c", "%a", "\(scratch.cluster)/password"]).output
        #expect(mode == "600")
        let postmaster = try #require(await cluster.postmasterPID)
        let line = try await contents(FilePath("/proc/\(postmaster)/cmdline"))
        #expect(!line.contains(password))
        let other = try #require(await cluster.tcpConnectionURL(database: "postgres", role: "app"))
        #expect(!other.contains(password))
      }
    }

    @Test("the caller's PGHOST, PGPORT, PGDATA and locale do not mislead")
    func callersEnvironment() async throws {
      let misleading = ["PGHOST": "/nowhere", "PGPORT": "1", "PGDATA": "/nowhere", "LC_ALL": "xx_XX"]
      for (name, value) in misleading { setenv(name, value, 1) }
      defer { for name in misleading.keys { unsetenv(name) } }
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        #expect(try await answer(cluster, "show data_directory") == cluster.dataDirectory.string)
        let postmaster = try #require(await cluster.postmasterPID)
        let inherited = try await contents(FilePath("/proc/\(postmaster)/environ"))
        #expect(!inherited.contains("/nowhere") && !inherited.contains("xx_XX"))
        try await cluster.stop()
      }
    }

    @Test("the server leads a session of its own, which a Ctrl-C in the caller's terminal does not reach")
    func ownSession() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries, options: .init(settings: disposable))
        try await cluster.start()
        let postmaster = try #require(await cluster.postmasterPID)
        #expect(getsid(postmaster) > 0)
        #expect(getsid(postmaster) != getsid(0))
        #expect(getpgid(postmaster) != getpgid(0))
      }
    }

    @Test("settings reach the server as written, quotes, blanks and dollars included")
    func settings() async throws {
      try await withScratch { scratch, binaries in
        let value = "it's $HOME `x` \"y\""
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: ["fsync": "off", "keymeter.note": value]))
        try await cluster.start()
        #expect(try await answer(cluster, "show keymeter.note") == value)
      }
    }

    @Test("a setting that the server refuses fails with its log and no password")
    func refusedSetting() async throws {
      try await withScratch { scratch, binaries in
        let cluster = PostgresCluster(
          directory: scratch.cluster, binaries: binaries,
          options: .init(settings: ["fsync": "off", "no_such_setting": "1"]))
        let error = try await #require(throws: EmbeddedPostgresError.self) { try await cluster.start() }
        #expect("\(error)".contains("unrecognized configuration parameter \"no_such_setting\""))
        let password = try await contents(scratch.cluster.appending("password"))
        #expect(!"\(error)".contains(password))
        #expect(await !cluster.isRunning())
      }
    }
  }
}

/// Counts the TCP sockets among the server's open files.
private func listeningSockets(_ cluster: PostgresCluster) async throws -> Int {
  let postmaster = try #require(await cluster.postmasterPID)
  let script = """
    for f in /proc/\(postmaster)/fd/*; do readlink $f; done | sed -n 's/^socket:\\[\\(.*\\)\\]$/\\1/p' |
      while read inode; do grep -h " $inode " /proc/net/tcp /proc/net/tcp6; done | wc -l
    """
  return try #require(Int(try await tool("/bin/sh", ["-c", script]).output))
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    self[..<range.lowerBound] + text + self[range.upperBound...]
  }
}
