import KeymeterOps
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("The server's database role", .timeLimit(.minutes(10)))
struct ServerRoleTests {
  @Test(
    "A login with only keymeter_app's rights serves, and the server drops a superuser's rights and says so")
  func logins() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await Node.with(on: try await database.url(as: .server)) { server in
        for node in [node, server] { try await expectServes(node, root) }
        #expect(try node.process.log.contains("row-level security"))
        #expect(try !server.process.log.contains("row-level security"))
      }
    }
  }

  private func expectServes(_ node: Node, _ root: Account) async throws {
    #expect(try await node.apiKey(.GET, root).status == 200)
    #expect(try await node.apiKey(.POST, root, body: #"{"friendly_name":"Child"}"#).status == 201)
    #expect(try await send(.GET, node.baseURL + "/health/ready").status == 200)
  }

  @Test("An unfit role ends the start with one clear line and exit code 78")
  func unfit() async throws {
    try await TestDatabase.withMigrated { database in
      for login in [TestDatabase.Login.stranger, .analyst, .bypassing] {
        try await rejectedStart(
          ["DATABASE_URL": try await database.url(as: login), "KEYMETER_PEPPERS": Node.peppers],
          "keymeter: the database role \(login.rawValue) ")
      }
    }
  }

  /// On a private cluster, because all databases of a cluster share the role.
  @Test("A keymeter_app with too many rights ends the start with one clear line and exit code 78")
  func excessiveRole() async throws {
    try await OwnCluster.with { cluster in
      for sql in [
        "ALTER ROLE keymeter_app BYPASSRLS", "ALTER ROLE keymeter_app NOBYPASSRLS SUPERUSER",
        "ALTER ROLE keymeter_app NOSUPERUSER; GRANT postgres TO keymeter_app",
        "REVOKE postgres FROM keymeter_app; GRANT DELETE ON keymeter.audit_log TO keymeter_app",
      ] {
        try await OwnCluster.run(sql, on: cluster)
        try await rejectedStart(
          ["DATABASE_URL": cluster.connectionURL(database: "keymeter"), "KEYMETER_PEPPERS": Node.peppers],
          "keymeter: the database role keymeter_app ")
      }
    }
  }

  @Test("A command that only the owner may run ends with one clear line and exit code 78 for another login")
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
        let (output, code) = try await ServerProcess.output(of: arguments, environment: environment)
        #expect(code == 78 && output.contains("keymeter_owner"), "\(arguments): \(output)")
        #expect(output.split(separator: "\n").count == 1, "\(output)")
      }
      for arguments in [
        ["org", "show", "--provider-id", "clinic"], ["key", "list", "--provider-id", "clinic"],
        ["key", "create-root", "--provider-id", "clinic"], ["audit", "--org", "clinic"],
      ] {
        let (output, code) = try await ServerProcess.output(of: arguments, environment: environment)
        #expect(code == 0, "\(arguments): \(output)")
      }
    }
  }
}
