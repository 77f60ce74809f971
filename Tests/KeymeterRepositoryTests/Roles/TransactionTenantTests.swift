import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// All tests share one session, as behind a pooler in transaction mode.
@Suite("The tenant of a transaction", .timeLimit(.minutes(10)))
struct TransactionTenantTests {
  private static let named = "SELECT coalesce(current_setting('keymeter.organisation_id', true), '')"

  @Test("The tenant is reset at the end of the transaction, after a commit and after a rollback")
  func endsWithTransaction() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: .server) { session in
        let inside = try await session.rows(Self.named, in: scene.home)
        #expect(inside == [scene.home])
        let afterCommit = try await session.rows(Self.named)
        #expect(afterCommit == [""])
        let rejection = try await session.rejection(of: "SELECT 1 / 0", in: scene.home)
        #expect(rejection == "22012")
        let afterRollback = try await session.rows(Self.named)
        #expect(afterRollback == [""])
      }
    }
  }

  @Test("No statement sets the tenant beyond its transaction")
  func localOnly() {
    let naming = StatementCatalogue.all.filter { $0.sql.contains("set_config('keymeter") }
    #expect(naming.map(\.name) == ["set_tenant"])
    for statement in naming {
      #expect(statement.sql.firstMatch(of: /set_config\('keymeter\.organisation_id', .+, true\)/) != nil)
    }
    for statement in StatementCatalogue.all {
      #expect(statement.sql.firstMatch(of: /^\s*(SET|RESET|DISCARD)\b/) == nil, "\(statement.name)")
    }
  }

  @Test("Tenants that take turns in one session see their own rows only")
  func byTurns() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: .server) { session in
        let store = PostgresTenantStore(pool: session.pool)
        for _ in 0..<3 {
          for (own, other) in [(scene.home, scene.victim), (scene.victim, scene.home)] {
            let usage = try await store.withTransaction { transaction in
              try await transaction.setTenant(OrganisationID(rawValue: own))
              return (
                try await transaction.usage(of: KeyID(rawValue: "key_\(own)")),
                try await transaction.usage(of: KeyID(rawValue: "key_\(other)"))
              )
            }
            #expect(usage.0 != nil && usage.1 == nil)
            // The next transaction, which sets no tenant.
            let forgotten = try await session.rows("SELECT key_id FROM keymeter.api_keys")
            #expect(forgotten == [])
          }
        }
      }
    }
  }

  @Test(
    "A statement in a transaction without a tenant finds and changes nothing",
    arguments: [KeyStatements.keyForUpdate, UsageStatements.usage])
  func forgotten(statement: Statement) async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: .server) { session in
        let parameters: [Parameter] = [.text(scene.home), .text("key_\(scene.home)")]
        let counts = try await session.pool.withTransaction { connection in
          let before = try await connection.execute(statement, parameters).rows.count
          _ = try await connection.execute(OrganisationStatements.setTenant, [.text(scene.home)])
          let after = try await connection.execute(statement, parameters).rows.count
          return [before, after]
        }
        #expect(counts == [0, 1])
      }
    }
  }

  @Test("Lists and deletions without a tenant have no effect, and an audit entry is rejected")
  func forgottenChanges() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: .server) { session in
        let listed = try await session.pool.withTransaction { connection in
          try await connection.execute(KeyStatements.keys, [.text(scene.home)]).rows.count
        }
        #expect(listed == 0)
        try await session.pool.withTransaction { connection in
          for table in ["api_key_secrets", "api_keys"] {
            _ = try await connection.execute(
              Statement("test_delete_\(table)", "DELETE FROM keymeter.\(table) WHERE organisation_id = $1"),
              [.text(scene.home)])
          }
        }
        let left = try await session.rows("SELECT key_id FROM keymeter.api_key_secrets", in: scene.home)
        #expect(left == ["key_\(scene.home)"])
        for call in [
          "append_audit('\(scene.home)', 'cli', NULL, 'x', 'x', 'x', '{}')",
          "bump_counter_version('\(scene.home)', 'key_\(scene.home)')", "lock_organisation('\(scene.home)')",
          "lock_key('\(scene.home)', 'key_\(scene.home)')",
          "delete_key('\(scene.home)', 'key_\(scene.home)')",
        ] {
          let rejection = try await session.rejection(of: "SELECT keymeter.\(call)")
          #expect(rejection == "42501", "\(call)")
        }
      }
    }
  }
}
