import KeymeterOps
import KeymeterTesting
import NIOHTTP1
import Postgres
import Subprocess
import Testing

@Suite("The role that the server acts as", .timeLimit(.minutes(2)))
struct ServerRoleTests {
  @Test("A login that is the server's alone serves all the same, without a warning")
  func serverLogin() async throws {
    try await TestDatabase.withMigrated { database in
      let node = try await Node.start(databaseURL: try await database.url(as: .server))
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      #expect(try await node.apiKey(.POST, root, body: #"{"friendly_name":"Child"}"#).status == 201)
      #expect(try await send(.GET, node.baseURL + "/health/ready").status == 200)
      #expect(try !node.process.log.contains("row-level security"))
      await node.process.discard()
    }
  }

  @Test("Of a superuser's login the server keeps only keymeter_app, and says so")
  func superuserLogin() async throws {
    try await Node.with { node, database in
      #expect(try node.process.log.contains("the database login bypasses row-level security"))
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
    }
  }

  @Test(
    "A role that is not fit to serve ends the start with one clear line and exit code 78",
    arguments: [
      // A login that is not allowed to become keymeter_app.
      (TestDatabase.Login.stranger, "lacks the rights of keymeter_app"),
      (TestDatabase.Login.analyst, "lacks the rights of keymeter_app"),
      (TestDatabase.Login.bypassing, "has BYPASSRLS"),
    ])
  func unfit(login: TestDatabase.Login, reason: String) async throws {
    try await TestDatabase.withMigrated { database in
      let process = try await ServerProcess.start(
        ["serve", "--port", "0"],
        environment: ["DATABASE_URL": try await database.url(as: login), "KEYMETER_PEPPERS": Node.peppers])
      #expect(try await process.ended() == .exited(78))
      let log = try process.log
      #expect(log.hasPrefix("keymeter: the database role \(login.rawValue) \(reason)"))
      #expect(log.split(separator: "\n").count == 1)
      await process.discard()
    }
  }

  /// On a cluster of its own, because the role is every database's.
  @Test("A keymeter_app that somebody has made mightier ends the start with one clear line and exit code 78")
  func mightyRole() async throws {
    try await OwnCluster.with { cluster in
      let url = cluster.connectionURL(database: "keymeter")
      for (sql, reason) in [
        ("ALTER ROLE keymeter_app BYPASSRLS", "has BYPASSRLS"),
        ("ALTER ROLE keymeter_app NOBYPASSRLS SUPERUSER", "is a superuser"),
        ("ALTER ROLE keymeter_app NOSUPERUSER; GRANT postgres TO keymeter_app", "can become postgres"),
        (
          "REVOKE postgres FROM keymeter_app; GRANT DELETE ON keymeter.audit_log TO keymeter_app",
          "can alter the audit log"
        ),
      ] {
        try await ConnectionPool.with(url: url) { pool in
          try await pool.withConnection { try await $0.executeScript(sql) }
        }
        let process = try await ServerProcess.start(
          ["serve", "--port", "0"], environment: ["DATABASE_URL": url, "KEYMETER_PEPPERS": Node.peppers])
        #expect(try await process.ended() == .exited(78))
        let log = try process.log
        #expect(log.hasPrefix("keymeter: the database role keymeter_app \(reason)"))
        #expect(log.split(separator: "\n").count == 1)
        await process.discard()
      }
    }
  }

  @Test("What only the owner can do is refused to another login with one clear line and exit code 78")
  func commands() async throws {
    try await TestDatabase.withMigrated { database in
      _ = try await Node.organisation("clinic", on: database)
      let environment = [
        "DATABASE_URL": try await database.url(as: .server), "KEYMETER_PEPPERS": Node.peppers,
      ]
      for arguments in [
        ["org", "list"], ["org", "create", "--provider-id", "p", "--name", "n"],
        ["org", "rename", "--provider-id", "clinic", "--name", "n"],
        ["org", "delete", "--provider-id", "clinic", "--yes"],
      ] {
        let process = try await ServerProcess.start(arguments, environment: environment)
        #expect(try await process.ended() == .exited(78))
        #expect(
          try process.log.hasPrefix("keymeter: this command needs a login that is a member of keymeter_owner")
        )
        await process.discard()
      }
      for arguments in [
        ["org", "show", "--provider-id", "clinic"], ["key", "list", "--provider-id", "clinic"],
        ["key", "create-root", "--provider-id", "clinic"], ["audit", "--org", "clinic"],
      ] {
        let process = try await ServerProcess.start(arguments, environment: environment)
        let status = try await process.ended()
        let log = try process.log
        #expect(status == .exited(0), "\(arguments): \(log)")
        await process.discard()
      }
    }
  }
}
