import KeymeterOps
import KeymeterTesting
import Postgres
import Testing

@Suite("keymeter doctor: PostgreSQL's settings, clock and machine", .timeLimit(.minutes(10)))
struct DoctorServerTests {
  @Test("A server that does not sync fails, wherever that was set")
  func durability() async throws {
    try await TestDatabase.withMigrated { database in
      let url = try await database.url(as: .server)
      // The shared cluster does not sync.
      let shared = try await DoctorProcess.on(url)
      #expect(shared["fsync"]?.status == "fail" && shared["full_page_writes"]?.status == "warn")
      #expect(shared["synchronous_commit"]?.status == "fail")
      let login = TestDatabase.Login.server.rawValue
      for (value, status, source) in [("on", "ok", nil), ("off", "fail", "database user")] {
        try await run(
          "ALTER ROLE \(login) IN DATABASE \(database.name) SET synchronous_commit = \(value)", on: database)
        let check = try #require(try await DoctorProcess.on(url)["synchronous_commit"])
        #expect(check.status == status)
        if let source { #expect(check.found.contains("from: \(source)")) }
      }
    }
  }

  @Test("Settings of the database are checked: isolation, timeouts, connection limit")
  func perDatabase() async throws {
    try await TestDatabase.withMigrated { database in
      let (url, name) = (try await database.url(as: .server), database.name)
      try await run("ALTER DATABASE \(name) SET default_transaction_isolation = 'serializable'", on: database)
      try await run("ALTER DATABASE \(name) SET idle_in_transaction_session_timeout = '999ms'", on: database)
      try await run("ALTER DATABASE \(name) CONNECTION LIMIT 5", on: database)
      let found = try await DoctorProcess.on(url)
      #expect(found["default_transaction_isolation"]?.status == "fail")
      #expect(found["idle_in_transaction_session_timeout"]?.status == "warn")
      #expect(found["connection-slots"]?.status == "fail")
      let fewer = try await DoctorProcess.on(url, ["KEYMETER_DATABASE_CONNECTIONS": "1"])
      #expect(fewer["connection-slots"]?.status != "fail")
    }
  }

  @Test("Settings that turn off triggers or make row-level security raise errors fail")
  func triggersAndPolicies() async throws {
    try await TestDatabase.withMigrated { database in
      let (url, name) = (try await database.url(as: .server), database.name)
      let before = try await DoctorProcess.on(url)
      #expect(before["session_replication_role"]?.status == "ok" && before["row_security"]?.status == "ok")
      try await run("ALTER DATABASE \(name) SET session_replication_role = replica", on: database)
      try await run("ALTER DATABASE \(name) SET row_security = off", on: database)
      let after = try await DoctorProcess.on(url)
      #expect(after["session_replication_role"]?.status == "fail" && after["row_security"]?.status == "fail")
    }
  }

  @Test(
    "Commits that wait for a missing standby are a warning, and so are commits that don't wait for a configured one"
  )
  func standby() async throws {
    try await OwnCluster.with(logins: ["keymeter_server"]) { cluster in
      let url = cluster.connectionURL(database: "keymeter", role: "keymeter_server")
      #expect(try await DoctorProcess.on(url)["standby"]?.status == "ok")
      try await OwnCluster.run(
        "ALTER ROLE keymeter_server SET synchronous_commit = local",
        "ALTER SYSTEM SET synchronous_standby_names = 'ghost'", "SELECT pg_reload_conf()", on: cluster)
      let run = try await eventually("the setting") {
        let run = try await DoctorProcess.on(url)
        return run["standby"]?.status == "warn" ? run : nil
      }
      #expect(run["synchronous_commit"]?.status == "warn")
    }
  }

  @Test("Clocks that differ by more than a second are a warning, in both directions")
  func clock() async throws {
    try await TestDatabase.withMigrated { database in
      let url = try await database.url(as: .server)
      let behind = try #require(try await DoctorProcess.on(url, shell: DoctorProcess.clock("-5s"))["clock"])
      #expect(behind.status == "warn" && behind.found.contains(/[45]\.\d+ s ahead/))
      let ahead = try #require(try await DoctorProcess.on(url, shell: DoctorProcess.clock("+90s"))["clock"])
      #expect(ahead.status == "warn" && ahead.found.contains(" s behind "))
      #expect(try await DoctorProcess.on(url)["clock"]?.status == "ok")
    }
  }

  @Test("A certificate that expires soon is a warning. An expired one, or another key, fails")
  func certificates() async throws {
    try await Certificates.with { certificates in
      try await certificates.issue("server")
      try await certificates.issue("other")
      let settings = certificates.settings("server")
      let nowhere = "postgresql://127.0.0.1:1/x"
      let soon = try #require(try await DoctorProcess.on(nowhere, settings)["tls"])
      #expect(soon.status == "warn" && soon.found.contains(/[23] days/), "\(soon.found)")
      let later = try await DoctorProcess.on(nowhere, settings, shell: DoctorProcess.clock("+30d"))
      #expect(later["tls"]?.status == "fail")
      let mixed = ["KEYMETER_TLS_KEY": certificates.path("other.key")]
      let pair = try await DoctorProcess.on(nowhere, settings.merging(mixed) { $1 })
      #expect(pair["tls"]?.status == "fail" && pair["tls"]?.found.contains("KEYMETER_TLS_KEY") == true)
      let missing = ["KEYMETER_TLS_CERT": certificates.path("none.pem")]
      let none = try await DoctorProcess.on(nowhere, settings.merging(missing) { $1 })
      #expect(none["tls"]?.status == "fail")
    }
  }

  @Test("Core dumps are a warning, and so is a limit on open files below the configured connections")
  func limits() async throws {
    let nowhere = "postgresql://127.0.0.1:1/x"
    let asked = try await DoctorProcess.on(
      nowhere, ["KEYMETER_CONNECTIONS": "5000"], shell: #"ulimit -c 0; ulimit -n 1000; exec "$@""#)
    #expect(asked["open-files"]?.status == "warn")
    #expect(asked["open-files"]?.found.contains(" 752 connections") == true)
    #expect(asked["core-dumps"]?.status == "ok")
    let byDefault = try await DoctorProcess.on(nowhere, shell: #"ulimit -n 1000; exec "$@""#)
    #expect(byDefault["open-files"]?.status == "ok")
    let dumping = try await DoctorProcess.on(nowhere, shell: #"ulimit -Sc unlimited; exec "$@""#)
    #expect(dumping["core-dumps"]?.status == "warn")
  }

  private func run(_ sql: String, on database: TestDatabase) async throws {
    try await database.withPool { pool in
      try await pool.withConnection { try await $0.executeScript(sql) }
    }
  }
}
