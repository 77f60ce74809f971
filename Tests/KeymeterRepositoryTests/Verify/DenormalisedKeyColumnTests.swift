import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// The columns that verification needs are denormalised next to each secret and must match the key's record.
@Suite("Denormalised key columns", .timeLimit(.minutes(10)))
struct DenormalisedKeyColumnTests {
  private static let columns = [
    ("environment", "'STAGING'"), ("scopes", "'{incidents:read}'"), ("usage_limit", "7"),
    ("monthly_token_limit", "8"), ("monthly_stt_secs_limit", "9"),
    ("expires_at", "now() + interval '1 hour'"),
    ("revoked_at", "now()"), ("allowed_cidrs", "'{192.0.2.0/24}'"),
  ]

  private static func secret(_ value: Int) -> String {
    """
    INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
    VALUES ('org_a', 'key_1', sha256('\(value)'), 'p');
    """
  }

  private static func with(_ body: (ReportingDatabase) async throws -> Void) async throws {
    try await ReportingDatabase.with(ReportingSeed.key("key_1"), ReportingSeed.key("key_2"), body: body)
  }

  @Test("Copies follow every change of the record", arguments: columns)
  func followed(column: String, value: String) async throws {
    try await Self.with { database in
      try await database.run("\(Self.secret(1)) \(Self.secret(2))")
      try await database.run("UPDATE keymeter.api_keys SET \(column) = \(value) WHERE key_id = 'key_1'")
      #expect(try await database.differences() == 0)
      let changed =
        "SELECT count(*) FROM keymeter.api_key_secrets WHERE \(column) IS NOT NULL AND key_id = 'key_1'"
      #expect(try await database.rows(changed) == [["2"]])
      try await database.run(
        "UPDATE keymeter.api_keys SET expires_at = NULL, revoked_at = NULL, usage_limit = NULL")
      #expect(try await database.differences() == 0)
    }
  }

  @Test("Copies are taken from the record and not from an INSERT")
  func taken() async throws {
    try await Self.with { database in
      try await database.run(
        """
        UPDATE keymeter.api_keys SET usage_limit = 5, scopes = '{incidents:read}' WHERE key_id = 'key_1';
        INSERT INTO keymeter.api_key_secrets
          (organisation_id, key_id, secret_hash, pepper_id, environment, scopes, usage_limit, allowed_cidrs)
        VALUES ('org_a', 'key_1', sha256('1'), 'p', 'STAGING', '{*}', 5000, '{0.0.0.0/0}');
        """)
      #expect(try await database.differences() == 0)
    }
  }

  @Test("Copies stay equal to the record, even if they are updated directly", arguments: columns)
  func held(column: String, value: String) async throws {
    try await Self.with { database in
      try await database.run("\(Self.secret(1)) UPDATE keymeter.api_keys SET usage_limit = 5")
      try await database.run("UPDATE keymeter.api_key_secrets SET \(column) = \(value)")
      #expect(try await database.differences() == 0)
      #expect(try await database.rows("SELECT usage_limit FROM keymeter.api_key_secrets") == [["5"]])
    }
  }

  @Test(
    "A record can't be changed under an older snapshot, which may miss a new secret",
    arguments: ["REPEATABLE READ", "SERIALIZABLE"])
  func snapshot(isolation: String) async throws {
    try await Self.with { database in
      let change = "UPDATE keymeter.api_keys SET usage_limit = 3 WHERE key_id = 'key_1'"
      let error = await #expect(throws: PostgresError.self) {
        try await database.run("BEGIN ISOLATION LEVEL \(isolation); \(change); COMMIT")
      }
      #expect(error?.sqlState?.rawValue == "25000")
      try await database.run(change)
    }
  }

  @Test("A secret added while the record changes gets the new values", arguments: [true, false])
  func together(secretFirst: Bool) async throws {
    try await Self.with { database in
      let change = "UPDATE keymeter.api_keys SET usage_limit = 3 WHERE key_id = 'key_1'"
      let steps = secretFirst ? [Self.secret(1), change] : [change, Self.secret(1)]
      let second = try await database.pool.withTransaction { connection in
        try await connection.executeScript(steps[0])
        let second = Task { try await database.run(steps[1]) }
        try await database.waitUntil(
          "count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return second
      }
      try await second.value
      #expect(try await database.rows("SELECT usage_limit FROM keymeter.api_key_secrets") == [["3"]])
    }
  }

  @Test("Concurrent updates and rotations of the same keys never deadlock")
  func noDeadlock() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 12) { pool in
        for trial in 0..<5 { try await race("clinic-\(trial)", in: PostgresTenantStore(pool: pool)) }
      }
      // The sessions are closed and have reported their statistics.
      try await database.withPool { pool in
        let reporting = ReportingDatabase(pool: pool)
        try await reporting.waitUntil("count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()")
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        #expect(try await reporting.rows(deadlocks) == [["0"]])
        #expect(try await reporting.differences() == 0)
      }
    }
  }

  /// A root key updates and rotates a child and updates itself, all at once, and then revokes the child.
  private func race(_ name: String, in store: PostgresTenantStore) async throws {
    let clinic = try await TestOrganisation.create(name, in: store)
    let keys = KeyService(store: store, peppers: try .test)
    let caller = Credentials(secret: clinic.root.secret)
    let draft = KeyDraft(friendlyName: try .test("Child"))
    let child = try await keys.create(draft, by: caller).key.id
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<48 {
        group.addTask {
          if number % 4 == 0 {
            let rotation = KeyRotation(id: child, overlapSeconds: 60)
            _ = try await keys.rotate(rotation, by: caller)
          } else {
            let id = number % 4 == 1 ? child : clinic.root.key.id
            let update = KeyUpdate(id: id, requests: .set(Int64(1_000 + number)))
            _ = try await keys.update(update, by: caller)
          }
        }
      }
      try await group.waitForAll()
    }
    _ = try await keys.revoke(child, by: caller)
  }

  /// The list of copied columns of a table.
  fileprivate static func facts(of table: String) -> String {
    "(\(columns.map { "\(table).\($0.0)" }.joined(separator: ", ")))"
  }
}

extension ReportingDatabase {
  /// The number of secrets whose copies differ from the key's record.
  fileprivate func differences() async throws -> Int? {
    try await rows(
      """
      SELECT count(*) FROM keymeter.api_key_secrets AS s JOIN keymeter.api_keys AS k USING (organisation_id, key_id)
      WHERE \(DenormalisedKeyColumnTests.facts(of: "s")) IS DISTINCT FROM \(DenormalisedKeyColumnTests.facts(of: "k"))
      """)[0][0].flatMap { Int($0) }
  }

  /// Waits until the condition is true.
  fileprivate func waitUntil(_ condition: String) async throws {
    while try await rows("SELECT \(condition)") != [["true"]] { try await Task.sleep(for: .milliseconds(5)) }
  }
}
