import Foundation
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("keymeter org, key and migrate", .timeLimit(.minutes(10)))
struct CommandLineTests {
  @Test("An organisation is created, listed, shown, renamed, given another root key and deleted")
  func organisationLife() async throws {
    try await Node.with { node, database in
      let made = try await keymeter(
        ["org", "create", "--provider-id", "clinic-1", "--name", "First clinic", "--json"], database)
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: String])
      #expect(Set(object.keys) == ["organisation_id", "provider_id", "name", "root_key_id", "root_key"])
      let root = Account(
        provider: "clinic-1", key: try #require(object["root_key"]),
        keyID: try #require(object["root_key_id"]))
      #expect(try await node.apiKey(.GET, root).status == 200)

      #expect(try await keymeter(["org", "list"], database).output.contains("clinic-1"))
      #expect(
        try await keymeter(["org", "rename", "--provider-id", "clinic-1", "--name", "Renamed"], database)
          .code == 0)
      let shown = try await keymeter(["org", "show", "--provider-id", "clinic-1"], database).output
      #expect(shown.contains("Renamed") && shown.contains(root.keyID))

      let issued = try await keymeter(
        ["key", "create-root", "--provider-id", "clinic-1", "--json"], database)
      let second = try #require(
        try JSONSerialization.jsonObject(with: Data(issued.output.utf8)) as? [String: String])
      let secondRoot = Account(
        provider: "clinic-1", key: try #require(second["root_key"]),
        keyID: try #require(second["root_key_id"]))
      #expect(try await node.apiKey(.GET, secondRoot).status == 200)
      let listed = try await keymeter(["key", "list", "--provider-id", "clinic-1"], database).output
      #expect(listed.contains(root.keyID) && listed.contains(secondRoot.keyID))
      #expect(!listed.contains(root.key))

      let unconfirmed = try await keymeter(["org", "delete", "--provider-id", "clinic-1"], database)
      #expect(unconfirmed.code == 64)
      #expect(try await node.apiKey(.GET, root).status == 200)
      #expect(
        try await keymeter(["org", "delete", "--provider-id", "clinic-1", "--yes"], database).code == 0)
      #expect(try await node.apiKey(.GET, root).status == 400)
    }
  }

  @Test("A command that fails prints one line that names the cause, and exits with the code of its kind")
  func failures() async throws {
    try await TestDatabase.withMigrated { database in
      let create = ["org", "create", "--provider-id", "clinic", "--name", "Clinic"]
      #expect(try await keymeter(create, database).code == 0)
      for (arguments, code, cause) in [
        (["org", "create", "--provider-id", "with space", "--name", "x"], Int32(65), "provider_id"),
        (["org", "create", "--provider-id", "good", "--name", " "], 65, "name"),
        (["org", "show", "--provider-id", "unknown"], 1, "provider id"),
        (["key", "create-root", "--provider-id", "unknown"], 1, "provider id"),
        (create, 1, "provider id"),
      ] {
        let result = try await keymeter(arguments, database)
        #expect(result.code == code && result.output.contains(cause), "\(arguments): \(result.output)")
        #expect(result.output.split(separator: "\n").count == 1, "\(result.output)")
      }
    }
  }

  @Test("migrate needs no pepper, shows its state, and may run on two nodes concurrently")
  func migrate() async throws {
    let database = try await TestDatabase.empty()
    #expect(try await keymeter(["migrate", "--check"], database, peppers: false).code == 1)
    #expect(
      try await keymeter(["migrate", "--status"], database, peppers: false).output
        .contains("pending  0001_create_roles_and_schemas.sql"))
    async let first = keymeter(["migrate"], database, peppers: false)
    async let second = keymeter(["migrate"], database, peppers: false)
    let (one, two) = try await (first, second)
    #expect(one.code == 0 && two.code == 0)
    let applications = (one.output + two.output).split(separator: "\n")
      .filter { $0 == "applied 0001_create_roles_and_schemas.sql" }
    #expect(applications.count == 1)
    #expect(try await keymeter(["migrate", "--check"], database, peppers: false).code == 0)
    await database.drop()
  }

  @Test("All content of the database is displayed, and no terminal interprets it")
  func invisibles() async throws {
    try await TestDatabase.withMigrated { database in
      _ = try await Node.organisation("clinic", on: database)
      try await database.run(Self.forging)
      for arguments in [
        ["org", "list"], ["org", "show", "--provider-id", "clinic"],
        ["key", "list", "--provider-id", "clinic"],
        ["audit", "--org", "clinic"], ["report", "monthly_usage"], ["migrate", "--status"],
      ] {
        for json in [false, true] where !json || !["report", "migrate"].contains(arguments[0]) {
          let (output, code) = try await keymeter(arguments + (json ? ["--json"] : []), database)
          #expect(code == 0)
          let scalars = output.unicodeScalars.filter { !("\n"..."\n").contains($0) }
          #expect(scalars.allSatisfy { (" "..."~").contains($0) }, "\(arguments): \(output.debugDescription)")
          #expect(
            !output.split(separator: "\n").contains { $0.hasPrefix("forged") }, "\(arguments): \(output)")
          #expect(output.contains("forged"), "\(arguments): \(output)")
        }
      }
    }
  }

  /// Writes text that would overwrite, end or reverse a line, wherever commands print from.
  private static let forging = """
    SET session_replication_role = replica;
    UPDATE keymeter.organisations SET name = \(evil);
    UPDATE keymeter.api_keys SET friendly_name = \(evil);
    INSERT INTO keymeter.audit_log (
      organisation_id, audit_id, occurred_at, principal, action, target, request_id, changes)
      SELECT organisation_id, 1000, now(), 'cli', \(evil), \(evil), 'r', 
        jsonb_build_object(\(evil), jsonb_build_object('old', 1, 'new', jsonb_build_array(\(evil))))
      FROM keymeter.organisations;
    INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, last_used_at)
      SELECT organisation_id, key_id, date_trunc('month', now() AT TIME ZONE 'UTC')::date, now() FROM keymeter.api_keys
      ON CONFLICT ON CONSTRAINT usage_monthly_pkey DO UPDATE SET last_used_at = now();
    INSERT INTO keymeter_home.schema_migrations (version, name, checksum) VALUES (9999, \(evil), 'x')
    """

  private static let evil = #"U&'a\001B[2K\000D\000Aforged\202E\009B2K'"#

  @Test("An unreachable database is exit code 69")
  func unreachable() async throws {
    let result = try await ServerProcess.output(
      of: ["org", "list"],
      environment: ["DATABASE_URL": "postgresql://127.0.0.1:1/x", "KEYMETER_PEPPERS": Node.peppers])
    #expect(result.code == 69)
  }

  @Test("--version prints the program and its version")
  func version() async throws {
    let result = try await ServerProcess.output(of: ["--version"], environment: [:])
    #expect(result.output.hasPrefix("keymeter 0."))
  }

  private func keymeter(
    _ arguments: [String], _ database: TestDatabase, peppers: Bool = true
  ) async throws -> (output: String, code: Int32) {
    try await ServerProcess.output(of: arguments, on: database, peppers: peppers ? Node.peppers : nil)
  }
}
