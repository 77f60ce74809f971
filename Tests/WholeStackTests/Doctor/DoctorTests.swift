import KeymeterOps
import Foundation
import KeymeterTesting
import Subprocess
import Testing

/// The other suites make each check fail for real.
@Suite("keymeter doctor", .timeLimit(.minutes(10)))
struct DoctorTests {
  @Test("On a node in order all checks are ok, and --strict exits with 0")
  func inOrder() async throws {
    try await OwnCluster.with(logins: ["keymeter_server"]) { cluster in
      try await OwnCluster.run(
        "ALTER ROLE keymeter_server SET idle_in_transaction_session_timeout = '30s'", on: cluster)
      let url = cluster.connectionURL(database: "keymeter", role: "keymeter_server")
      let run = try await DoctorProcess.on(url, strict: true, shell: #"ulimit -c 0; exec "$@""#)
      #expect(run.code == 0, "\(run.text)")
      #expect(run.status == "ok")
      #expect(run.names("warn", "fail", "skip") == [], "\(run.text)")
      #expect(run.checks.count >= 20)
      #expect(run.checks.allSatisfy { $0.advice == nil })
      #expect(run["role"]?.found == "keymeter_server, as keymeter_app")
    }
  }

  @Test("Without --json each check is one line: level, name, finding and advice")
  func lines() async throws {
    try await TestDatabase.withMigrated { database in
      let process = try await ServerProcess.start(
        ["doctor"],
        environment: ["DATABASE_URL": try await database.url(as: .server), "KEYMETER_PEPPERS": Node.peppers])
      // The shared cluster does not sync.
      #expect(try await process.ended() == .exited(1))
      let lines = try process.log.split(separator: "\n")
      await process.discard()
      #expect(lines.count == (try await DoctorProcess.on(database.url)).checks.count)
      for line in lines {
        #expect(line.wholeMatch(of: /(ok  |warn|fail|skip)  [a-z_-]+ {2,}\S.*/) != nil, "\(line)")
      }
      let fsync = try #require(lines.first { $0.contains("  fsync ") })
      #expect(fsync.wholeMatch(of: /fail  fsync +off \(from: command line\)\. .+/) != nil)
    }
  }

  @Test("With a warning doctor exits with 0, and with 1 if --strict is given")
  func strictness() async throws {
    try await OwnCluster.with(logins: ["keymeter_server"]) { cluster in
      let url = cluster.connectionURL(database: "keymeter", role: "keymeter_server")
      let run = try await DoctorProcess.on(url)
      #expect(run.code == 0 && run.status == "warn")
      #expect(run.names("warn", "fail", "skip") == ["idle_in_transaction_session_timeout"])
      #expect(try await DoctorProcess.on(url, strict: true).code == 1)
    }
  }

  @Test("All unusable settings are named, the other checks still run, and the exit code is 78")
  func badSettings() async throws {
    try await TestDatabase.withMigrated { database in
      let url = try await database.url(as: .server)
      let run = try await DoctorProcess.on(
        url,
        [
          "KEYMETER_PEPPERS": "p1:short", "KEYMETER_PORT": "high", "KEYMETER_IDLE_SECONDS": "0",
          "KEYMETER_LOG_LEVEL": "loud", "KEYMETER_TRUSTED_PROXIES": "nowhere", "KEYMETER_TLS_KEY": "/key",
        ])
      #expect(run.code == 78)
      let settings = try #require(run["settings"])
      #expect(settings.status == "fail")
      for name in [
        "KEYMETER_PEPPERS", "KEYMETER_PORT", "KEYMETER_IDLE_SECONDS", "KEYMETER_LOG_LEVEL",
        "KEYMETER_TRUSTED_PROXIES", "KEYMETER_TLS_CERT",
      ] {
        #expect(settings.found.contains("\(name) "), "\(name) is not named: \(settings.found)")
      }
      #expect(!settings.found.contains("KEYMETER_HOST") && !settings.found.contains("DATABASE_URL"))
      #expect(run["connection"]?.status == "ok")
      #expect(run["peppers"]?.status == "skip")
    }
  }

  @Test("Without a usable DATABASE_URL all checks of the database are skipped, and the exit code is 78")
  func noDatabase() async throws {
    for settings in [[:], ["DATABASE_URL": "postgresql://u:secret@[/x"]] {
      let run = try await DoctorProcess.with(settings.merging(["KEYMETER_PEPPERS": Node.peppers]) { $1 })
      #expect(run.code == 78)
      #expect(run["settings"]?.found.hasPrefix("DATABASE_URL ") == true)
      #expect(run["hosts"]?.status == "skip" && run["peppers"]?.status == "skip")
      #expect(!run.text.contains("secret"))
    }
  }

  @Test("A variable that looks like a setting but is not is a warning that names it")
  func misspelt() async throws {
    let run = try await DoctorProcess.on(
      "postgresql://127.0.0.1:1/x", ["KEYMETER_CONECTIONS": "5"])
    #expect(run["settings"]?.status == "warn")
    #expect(run["settings"]?.found.contains("KEYMETER_CONECTIONS") == true)
  }

  @Test("Neither the URL's password nor a pepper is ever printed")
  func secrecy() async throws {
    let pepper = try #require(Node.peppers.split(separator: ":").last)
    for settings in [
      ["DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x?sslpassword=hunter3"],
      ["DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:port/x"],
      ["DATABASE_URL": "host=127.0.0.1 port=1 password=hunter2 bad=hunter3"],
      ["DATABASE_URL": "postgresql://127.0.0.1:1/x", "KEYMETER_PEPPERS": "p1:\(pepper),p1:\(pepper)"],
    ] {
      let run = try await DoctorProcess.with(["KEYMETER_PEPPERS": Node.peppers].merging(settings) { $1 })
      #expect(run.code != 0)
      #expect(!run.text.contains("hunter") && !run.text.contains(pepper), "\(run.text)")
    }
  }
}
