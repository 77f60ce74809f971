import KeymeterOps
import KeymeterTesting
import NIOCore
import NIOPosix
import Testing

@Suite("keymeter doctor: hosts, connection and pooler", .timeLimit(.minutes(10)))
struct DoctorHostTests {
  @Test("A host that can't be reached fails, and what needs a connection is skipped")
  func unreachable() async throws {
    let run = try await DoctorProcess.on("postgresql://u@127.0.0.1:1/x")
    #expect(run.code == 1)
    #expect(run.names("fail") == ["hosts", "connection"])
    #expect(run["hosts"]?.found.contains("127.0.0.1:1 can't be reached") == true)
    #expect(run["pooler"]?.status == "skip" && run["fsync"]?.status == "skip")
  }

  @Test("Of several hosts the writable one is named, and one that can't be reached is a warning")
  func severalHosts() async throws {
    let port = try await RawConnection.freePort()
    try await OwnCluster.with(tcpPort: port) { cluster in
      let url = try #require(cluster.tcpConnectionURL(database: "keymeter"))
      let run = try await DoctorProcess.on(url.replacing(":\(port)/", with: ":\(port),127.0.0.1:1/"))
      #expect(run["hosts"]?.status == "warn")
      let found = try #require(run["hosts"]?.found)
      #expect(found.hasPrefix("127.0.0.1:\(port) can be written to; 127.0.0.1:1 can't be reached: "))
      #expect(run["connection"]?.status == "ok")

      try await OwnCluster.run("ALTER DATABASE keymeter SET default_transaction_read_only = on", on: cluster)
      let readOnly = try await DoctorProcess.on(url)
      #expect(readOnly.names("fail") == ["hosts", "connection"])
      #expect(readOnly["hosts"]?.found.hasSuffix("is read-only (default_transaction_read_only)") == true)
      let any = try await DoctorProcess.on(url + "?target_session_attrs=any")
      #expect(any["connection"]?.status == "ok")
      #expect(any["default_transaction_read_only"]?.status == "fail")
    }
  }

  @Test("Two servers that can both be written to fail: which one is the primary? One by two ways is in order")
  func twoPrimaries() async throws {
    let port = try await RawConnection.freePort()
    try await OwnCluster.with(tcpPort: port) { cluster in
      let url = try #require(cluster.tcpConnectionURL(database: "keymeter"))
      let twice = try await DoctorProcess.on(url.replacing(":\(port)/", with: ":\(port),127.0.0.1:\(port)/"))
      #expect(twice["hosts"]?.status == "ok", "\(twice.text)")
      let second = try await RawConnection.freePort()
      try await OwnCluster.with(tcpPort: second) { other in
        for cluster in [cluster, other] { try await PgBouncer.prepare(cluster) }
        let both =
          "postgresql://\(PgBouncer.login):\(PgBouncer.password)@127.0.0.1:\(port),127.0.0.1:\(second)/keymeter"
        let run = try await DoctorProcess.on(both)
        #expect(run["hosts"]?.status == "fail", "\(run.text)")
        #expect(run["hosts"]?.advice?.hasPrefix("Several can be written to") == true)
      }
      let single = try await DoctorProcess.on(url + "?target_session_attrs=any")
      #expect(single["hosts"]?.status == "warn")
    }
  }

  @Test("A host that takes the connection and never says a word is given up in bounded time")
  func silentHost() async throws {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(listener.localAddress?.port)
    // A limit of its own in the URL must not matter.
    let run = try await DoctorProcess.on("postgresql://u@127.0.0.1:\(port)/x?connect_timeout=0")
    try await listener.close()
    #expect(run.names("fail") == ["hosts", "connection"])
    #expect(run.seconds < 40)
  }

  @Test("Behind a real PgBouncer the mode is found out, and what doesn't go with it fails")
  func pgBouncer() async throws {
    let port = try await RawConnection.freePort()
    try await OwnCluster.with(tcpPort: port) { cluster in
      try await PgBouncer.prepare(cluster)
      try await PgBouncer.with("transaction", before: port) { pooler in
        let prepared = try await DoctorProcess.on(pooler.url)
        #expect(prepared["pooler"]?.status == "fail")
        #expect(prepared["pooler"]?.advice?.contains("KEYMETER_PREPARED_STATEMENTS=off") == true)
        let run = try await DoctorProcess.on(pooler.url, ["KEYMETER_PREPARED_STATEMENTS": "off"])
        #expect(run["pooler"]?.status == "ok")
        #expect(run["pooler"]?.found.hasPrefix("a pooler in transaction mode") == true)
        #expect(run.names("fail") == [], "\(run.text)")
        // PgBouncer keeps to itself what was asked for at connecting.
        #expect(run["statement_timeout"]?.status == "warn")
        #expect(run["role"]?.found == "keymeter_server")
      }
      try await PgBouncer.with("transaction", before: port, settings: "") { pooler in
        let run = try await DoctorProcess.on(pooler.url)
        #expect(run["connection"]?.status == "fail")
        #expect(run["connection"]?.advice?.contains("ignore_startup_parameters") == true)
      }
      try await PgBouncer.with("session", before: port) { pooler in
        let run = try await DoctorProcess.on(pooler.url)
        #expect(run["pooler"]?.found == "a pooler that keeps sessions")
        #expect(run.names("fail") == [], "\(run.text)")
      }
      try await PgBouncer.with("statement", before: port) { pooler in
        let run = try await DoctorProcess.on(pooler.url)
        #expect(run["pooler"]?.status == "fail")
        #expect(run["pooler"]?.found.contains("statement mode") == true)
        #expect(run["migrations"]?.status == "skip")
      }
    }
  }

  @Test("A pooler in transaction mode is known for one even where it has but one session")
  func poolOfOne() async throws {
    let port = try await RawConnection.freePort()
    try await OwnCluster.with(tcpPort: port) { cluster in
      try await PgBouncer.prepare(cluster)
      let settings = "ignore_startup_parameters = options\nmax_db_connections = 1"
      try await PgBouncer.with("transaction", before: port, settings: settings) { pooler in
        let run = try await DoctorProcess.on(pooler.url, ["KEYMETER_PREPARED_STATEMENTS": "off"])
        #expect(run["pooler"]?.found.contains("transaction mode") == true, "\(run.text)")
      }
    }
  }
}
