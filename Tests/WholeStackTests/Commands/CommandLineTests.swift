import Foundation
import KeymeterTesting
import NIOHTTP1
import Postgres
import Subprocess
import Testing

@Suite("keymeter org, key and migrate", .timeLimit(.minutes(2)))
struct CommandLineTests {
  @Test("An organisation's life: made, listed, shown, renamed, given another root key, deleted")
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

  @Test(
    "What can't be done is one line and an exit code that says which kind of failure it is",
    arguments: [
      (["org", "create", "--provider-id", "with space", "--name", "x"], Int32(65), "provider_id"),
      (["org", "create", "--provider-id", "good", "--name", " "], 65, "name"),
      (["org", "show", "--provider-id", "nobody"], 1, "no organisation has this provider id"),
      (["key", "create-root", "--provider-id", "nobody"], 1, "no organisation has this provider id"),
    ])
  func failures(arguments: [String], code: Int32, words: String) async throws {
    try await TestDatabase.withMigrated { database in
      let result = try await keymeter(arguments, database)
      #expect(result.code == code)
      #expect(result.output.contains(words))
    }
  }

  @Test("A provider id is given once only")
  func providerTaken() async throws {
    try await TestDatabase.withMigrated { database in
      let create = ["org", "create", "--provider-id", "clinic", "--name", "Clinic"]
      #expect(try await keymeter(create, database).code == 0)
      let again = try await keymeter(create, database)
      #expect(again.code == 1)
      #expect(again.output.contains("another organisation has this provider id"))
    }
  }

  @Test("migrate needs no pepper, tells its state, and may run on two nodes at once")
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

  @Test(
    "Whatever the database holds is shown in the lines of commands, and none of it is obeyed by a terminal")
  func invisibles() async throws {
    try await TestDatabase.withMigrated { database in
      _ = try await Node.organisation("clinic", on: database)
      try await database.withPool { pool in
        try await pool.withConnection { try await $0.executeScript(Self.forging) }
      }
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

  /// What would overwrite a line, end one, or turn it round, everywhere that commands print from.
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

  @Test("A database that can't be reached is exit code 69")
  func unreachable() async throws {
    let result = try await keymeter(
      ["org", "list"],
      environment: ["DATABASE_URL": "postgresql://127.0.0.1:1/x", "KEYMETER_PEPPERS": Node.peppers])
    #expect(result.code == 69)
  }

  @Test("--version names the program and its version")
  func version() async throws {
    let result = try await keymeter(["--version"], environment: [:])
    #expect(result.output.hasPrefix("keymeter 0."))
  }

  private func keymeter(
    _ arguments: [String], _ database: TestDatabase, peppers: Bool = true
  ) async throws -> (output: String, code: Int32) {
    let settings = ["DATABASE_URL": database.url]
    return try await keymeter(
      arguments,
      environment: peppers ? settings.merging(["KEYMETER_PEPPERS": Node.peppers]) { $1 } : settings)
  }

  private func keymeter(
    _ arguments: [String], environment: [String: String]
  ) async throws -> (output: String, code: Int32) {
    let process = try await ServerProcess.start(arguments, environment: environment)
    let status = try await process.ended()
    let output = try process.log
    await process.discard()
    guard case .exited(let code) = status else { throw TestFailure("keymeter ended by \(status)") }
    return (output, code)
  }
}
