import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("The audit log", .timeLimit(.minutes(10)))
struct AuditLogTests {
  @Test(
    "An audit entry can't be changed or deleted, even by the table's owner",
    arguments: [
      "UPDATE keymeter.audit_log SET target = 'x'", "DELETE FROM keymeter.audit_log",
      "TRUNCATE keymeter.audit_log",
    ])
  func appendOnly(sql: String) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        _ = try await TestOrganisation.create("clinic", in: PostgresTenantStore(pool: pool))
        await #expect { try await pool.withConnection { try await $0.executeScript(sql) } } throws: {
          ($0 as? PostgresError)?.sqlState?.rawValue == "42501"
        }
      }
    }
  }

  @Test(
    "No other login can block an organisation's changes by a lock",
    arguments: [TestDatabase.Login.analyst, .stranger])
  func lockedOut(login: TestDatabase.Login) async throws {
    try await RoleScene.with { scene in
      let append = """
        SET LOCAL lock_timeout = '5s';
        SELECT keymeter.append_audit('\(scene.home)', 'cli', NULL, 'x', 'x', 'x', '{}')
        """
      try await scene.connected(as: .server) { server in
        let held = try await server.pool.withTransaction { connection in
          _ = try await connection.execute(OrganisationStatements.setTenant, [.text(scene.home)])
          try await connection.executeScript(append)
          return try await connection.execute(Self.advisoryLocks).rows.count
        }
        #expect(held == 0, "any login could take the same lock")
        try await scene.connected(as: login) { intruder in
          for sql in [
            "SELECT FROM keymeter.audit_heads FOR KEY SHARE", "LOCK TABLE keymeter.audit_heads IN SHARE MODE",
            "LOCK TABLE keymeter.audit_log IN SHARE MODE",
          ] {
            #expect(try await intruder.rejection(of: sql) == "42501", "\(sql)")
          }
          try await intruder.pool.withTransaction { connection in
            try await connection.executeScript(
              "SELECT pg_advisory_xact_lock(hashtextextended('keymeter.audit_log \(scene.home)', 0))")
            #expect(try await server.rejection(of: append, in: scene.home) == nil)
          }
        }
      }
    }
  }

  private static let advisoryLocks = Statement(
    "test_advisory_locks",
    "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")

  @Test("A change and its audit entry are atomic: if the entry fails, nothing is changed")
  func sameTransaction() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let store = PostgresTenantStore(pool: pool)
        let clinic = try await TestOrganisation.create("clinic", in: store)
        try await pool.withConnection {
          try await $0.executeScript(
            "ALTER TABLE keymeter.audit_log ADD CHECK (action <> 'key.created') NOT VALID")
        }
        let keys = KeyService(store: store, peppers: try .test)
        let draft = KeyDraft(friendlyName: try .test("Child"))
        await #expect(throws: PostgresError.self) {
          _ = try await keys.create(draft, by: clinic.credentials)
        }
        #expect(try await keys.allKeys(clinic.credentials).keys.count == 1)
      }
    }
  }
}
