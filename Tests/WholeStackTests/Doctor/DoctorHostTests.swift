import KeymeterOps
import KeymeterTesting
import NIOCore
import NIOPosix
import Testing

@Suite("keymeter doctor: hosts, connection and pooler", .timeLimit(.minutes(10)))
struct DoctorHostTests {
  @Test("An unreachable host fails, and the checks that need a connection are skipped")
  func unreachable() async throws {
    let run = try await DoctorProcess.on("postgresql://u@127.0.0.1:1/x")
    #expect(run.code == 1)
    #expect(run.names("fail") == ["hosts", "connection"])
    #expect(run["hosts"]?.found.contains("127.0.0.1:1 ") == true)
    #expect(run["pooler"]?.status == "skip" && run["fsync"]?.status == "skip")
  }

  @Test("An unreachable second host is a warning. A read-only host fails")
  func severalHosts() async throws {
    let port = try await RawConnection.freePort()
    try await OwnCluster.with(tcpPort: port) { cluster in
      let url = try #require(cluster.tcpConnectionURL(database: "keymeter"))
      let run = try await DoctorProcess.on(url.replacing(":\(port)/", with: ":\(port),127.0.0.1:1/"))
      #expect(run["hosts"]?.status == "warn")
      #expect(run["hosts"]?.found.contains("127.0.0.1:1 ") == true, "\(run.text)")
      #expect(run["connection"]?.status == "ok")

      try await OwnCluster.run("ALTER DATABASE keymeter SET default_transaction_read_only = on", on: cluster)
      #expect(try await DoctorProcess.on(url).names("fail") == ["hosts", "connection"])
      let any = try await DoctorProcess.on(url + "?target_session_attrs=any")
      #expect(any["connection"]?.status == "ok")
      #expect(any["default_transaction_read_only"]?.status == "fail")
    }
  }

  @Test("Two writable servers fail. One server with two addresses is in order")
  func twoPrimaries() async throws {
    let port = try await RawConnection.freePort()
    try await OwnCluster.with(tcpPort: port) { cluster in
      let url = try #require(cluster.tcpConnectionURL(database: "keymeter"))
      let twice = try await DoctorProcess.on(url.replacing(":\(port)/", with: ":\(port),127.0.0.1:\(port)/"))
      #expect(twice["hosts"]?.status == "ok", "\(twice.text)")
      let second = try await RawConnection.freePort()
      try await OwnCluster.with(tcpPort: second) { _ in
        let run = try await DoctorProcess.on(
          url.replacing(":\(port)/", with: ":\(port),127.0.0.1:\(second)/"))
        #expect(run["hosts"]?.status == "fail", "\(run.text)")
      }
      let single = try await DoctorProcess.on(url + "?target_session_attrs=any")
      #expect(single["hosts"]?.status == "warn")
    }
  }

  @Test("A host that accepts the connection and never answers is abandoned in bounded time")
  func silentHost() async throws {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(listener.localAddress?.port)
    // The URL's own timeout must not matter.
    let run = try await DoctorProcess.on("postgresql://u@127.0.0.1:\(port)/x?connect_timeout=0")
    try await listener.close()
    #expect(run.names("fail") == ["hosts", "connection"])
    #expect(run.seconds < 40)
  }

  @Test("Behind PgBouncer, a mode that lacks what the server needs fails")
  func pgBouncer() async throws {
    let port = try await RawConnection.freePort()
    try await OwnCluster.with(tcpPort: port) { cluster in
      try await PgBouncer.prepare(cluster)
      try await PgBouncer.with("transaction", before: port) { pooler in
        let prepared = try await DoctorProcess.on(pooler.url)
        #expect(prepared["pooler"]?.status == "fail")
        #expect(prepared["pooler"]?.advice?.contains("KEYMETER_PREPARED_STATEMENTS=off") == true)
        let run = try await DoctorProcess.on(pooler.url, ["KEYMETER_PREPARED_STATEMENTS": "off"])
        #expect(run.names("fail") == [], "\(run.text)")
        // PgBouncer drops the startup parameters.
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
        #expect(run.names("fail") == [], "\(run.text)")
      }
      try await PgBouncer.with("statement", before: port) { pooler in
        let run = try await DoctorProcess.on(pooler.url)
        #expect(run["pooler"]?.status == "fail" && run["migrations"]?.status == "skip")
      }
    }
  }
}
