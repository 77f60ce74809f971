import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("The audit log", .timeLimit(.minutes(1)))
struct AuditLogTests {
  @Test(
    "Nothing in it can be changed or removed, not even by its owner",
    arguments: [
      "UPDATE keymeter.audit_log SET target = 'x'", "DELETE FROM keymeter.audit_log",
      "TRUNCATE keymeter.audit_log",
    ])
  func appendOnly(sql: String) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        _ = try await TestOrganisation.create("clinic", in: PostgresManagementStore(pool: pool))
        await #expect { try await pool.withConnection { try await $0.executeScript(sql) } } throws: {
          ($0 as? PostgresError)?.sqlState?.rawValue == "42501"
        }
      }
    }
  }

  @Test("A change and its entry are one: where the entry can't be written, nothing has changed")
  func sameTransaction() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let store = PostgresManagementStore(pool: pool)
        let clinic = try await TestOrganisation.create("clinic", in: store)
        try await pool.withConnection {
          try await $0.executeScript(
            "ALTER TABLE keymeter.audit_log ADD CHECK (action <> 'key.created') NOT VALID")
        }
        let keys = KeyService(store: store, peppers: try .test)
        let draft = KeyDraft(friendlyName: try .test("Child"))
        await #expect(throws: PostgresError.self) {
          _ = try await keys.create(.success(draft), by: clinic.credentials, requestID: .test)
        }
        #expect(try await keys.allKeys(clinic.credentials, requestID: .test).count == 1)
      }
    }
  }
}
