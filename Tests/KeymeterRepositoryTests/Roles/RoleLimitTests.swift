import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// What each role can't do.
///
/// The tests try it instead of reading the grants.
@Suite("Privileges of the roles", .timeLimit(.minutes(10)))
struct RoleLimitTests {
  private static let denied = "42501"

  @Test(
    "The server can only add to the audit log and read it",
    arguments: [
      "INSERT INTO keymeter.audit_log VALUES ('org_home', 2, '2000-01-01', 'cli', NULL, 'x', 'x', 'x', '{}')",
      "UPDATE keymeter.audit_log SET target = 'x'", "DELETE FROM keymeter.audit_log",
      "TRUNCATE keymeter.audit_log",
      "UPDATE keymeter.audit_log SET changes = '{}' WHERE organisation_id = 'org_home'",
      "SELECT FROM keymeter.audit_log FOR UPDATE", "SELECT FROM keymeter.audit_log FOR KEY SHARE",
      "INSERT INTO keymeter.audit_log VALUES ('org_home', 1, '2000-01-01', 'cli', NULL, 'x', 'x', 'x', '{}') "
        + "ON CONFLICT ON CONSTRAINT audit_log_pkey DO UPDATE SET target = 'x'",
      "ALTER TABLE keymeter.audit_log DISABLE TRIGGER audit_log_is_append_only",
      "DROP TRIGGER audit_log_is_append_only ON keymeter.audit_log",
      "CREATE RULE hide AS ON INSERT TO keymeter.audit_log DO INSTEAD NOTHING",
      "ALTER TABLE keymeter.audit_log DISABLE ROW LEVEL SECURITY", "DROP TABLE keymeter.audit_log",
      "SET session_replication_role = replica",
      "CREATE OR REPLACE FUNCTION keymeter.reject_audit_change() "
        + "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
      "SELECT FROM keymeter.audit_heads", "SELECT FROM keymeter.audit_heads FOR KEY SHARE",
      "INSERT INTO keymeter.audit_heads VALUES ('org_home', 2)", "DELETE FROM keymeter.audit_heads",
      "UPDATE keymeter.audit_heads SET last_audit_id = 0",
      "LOCK TABLE keymeter.audit_heads IN ACCESS SHARE MODE",
    ])
  func auditLog(sql: String) async throws {
    try await expectRefusal(of: sql, as: .server)
  }

  @Test(
    "The server can't escalate its privileges",
    arguments: [
      "SET ROLE keymeter_owner", "SET ROLE postgres", "SET ROLE keymeter_reporting",
      "SET SESSION AUTHORIZATION postgres", "CREATE ROLE made", "ALTER ROLE keymeter_app BYPASSRLS",
      "ALTER ROLE keymeter_app SUPERUSER", "ALTER ROLE \(TestDatabase.Login.server.rawValue) BYPASSRLS",
      "GRANT keymeter_owner TO keymeter_app", "GRANT postgres TO keymeter_app",
      "REASSIGN OWNED BY keymeter_owner TO keymeter_app",
      "ALTER TABLE keymeter.api_keys OWNER TO keymeter_app",
      "SET log_statement = 'none'", "COPY keymeter.api_keys TO PROGRAM 'true'",
      "ALTER DEFAULT PRIVILEGES FOR ROLE keymeter_owner GRANT ALL ON TABLES TO keymeter_app",
    ])
  func escalation(sql: String) async throws {
    try await expectRefusal(of: sql, as: .server)
  }

  @Test(
    "The server can't change the schema",
    arguments: [
      "CREATE TABLE keymeter.made ()", "CREATE TABLE public.made ()", "CREATE TABLE reporting.made ()",
      "ALTER TABLE keymeter.api_keys ADD COLUMN made text", "DROP TABLE keymeter.api_keys",
      "CREATE INDEX ON keymeter.api_keys (root)", "ALTER TABLE keymeter.api_keys DISABLE ROW LEVEL SECURITY",
      "CREATE POLICY all_of_it ON keymeter.api_keys USING (true)", "DROP POLICY tenant ON keymeter.api_keys",
      "ALTER POLICY tenant ON keymeter.api_keys USING (true)",
      "CREATE FUNCTION keymeter.made() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE OR REPLACE FUNCTION keymeter.month_of(day date) RETURNS date LANGUAGE sql AS 'SELECT day'",
      "ALTER FUNCTION keymeter.month_of(date) SECURITY DEFINER", "DROP FUNCTION keymeter.month_of(date)",
      "CREATE SCHEMA made", "DROP SCHEMA keymeter CASCADE", "ALTER SCHEMA keymeter RENAME TO made",
      "CREATE TRIGGER made BEFORE INSERT ON keymeter.api_keys EXECUTE FUNCTION keymeter.reject_audit_change()",
      "CREATE OR REPLACE VIEW reporting.unused_keys AS SELECT 1", "DROP TYPE keymeter.admission",
      "COMMENT ON TABLE keymeter.api_keys IS 'x'",
      "UPDATE keymeter_home.schema_migrations SET checksum = 'x'",
      "DELETE FROM keymeter_home.schema_functions",
    ])
  func schema(sql: String) async throws {
    // Another code, such as 25001 or 42P13, would mean that something else than the role's privileges stopped it.
    try await expectRefusal(of: sql, as: .server)
  }

  @Test("The server can call the functions it needs and no others, and other logins can call none")
  func functions() async throws {
    let needed = [
      "admit", "admit_groups", "admit_many", "append_audit", "authenticate", "bump_counter_version",
      "claim_idempotency_key", "delete_key", "ensure_usage_partitions", "expire_reservations", "insert_key",
      "key_count_by_pepper", "key_owner", "lock_key", "lock_organisation", "mark_key_used", "month_of",
      "organisation_by_provider", "organisation_for_former_hash", "organisation_for_hash",
      "purge_idempotency_keys", "purge_reservations", "purge_usage_events", "record", "rehash_secret",
      "reserve", "revoke_key", "rotate_key", "settle", "stale_secret_count", "update_key", "usage",
      "usage_analytics",
    ]
    try await RoleScene.with { scene in
      try await scene.connected(as: nil) { session in
        let server = try await session.rows(Self.callable(by: .server))
        #expect(server == needed)
        let analyst = try await session.rows(Self.callable(by: .analyst))
        #expect(analyst == [])
        let stranger = try await session.rows(Self.callable(by: .stranger))
        #expect(stranger == [])
      }
      try await scene.connected(as: .server) { session in
        for call in ["drop_usage_before('2000-01-01')", "require_tenant('x')"] {
          let rejection = try await session.rejection(of: "SELECT keymeter.\(call)")
          #expect(rejection == Self.denied, "\(call)")
        }
      }
    }
  }

  @Test(
    "SECURITY DEFINER functions are a known set, pin their search path and belong to keymeter_owner"
  )
  func definers() async throws {
    let known = [
      "admit", "admit_groups", "admit_many", "append_audit", "bump_counter_version", "copy_key_columns",
      "ensure_usage_partitions", "expire_reservations", "key_count_by_pepper", "key_owner",
      "lock_organisation", "organisation_by_provider", "organisation_for_former_hash",
      "organisation_for_hash", "propagate_key_columns", "purge_idempotency_keys", "purge_reservations",
      "purge_usage_events", "record", "rehash_secret", "reserve", "settle", "stale_secret_count",
    ]
    try await RoleScene.with { scene in
      try await scene.connected(as: nil) { session in
        let found = try await session.rows(
          """
          SELECT p.proname::text FROM pg_catalog.pg_proc AS p
          WHERE p.pronamespace = 'keymeter'::regnamespace AND p.prosecdef
            AND 'search_path=pg_catalog, pg_temp' = ANY (p.proconfig) ORDER BY 1
          """)
        #expect(found == known)
        let any = try await session.rows(
          "SELECT p.proname::text FROM pg_catalog.pg_proc AS p WHERE p.prosecdef ORDER BY 1")
        #expect(any == known)
      }
    }
  }

  @Test("keymeter_owner owns everything in all schemas, whichever login migrated")
  func ownership() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: nil) { session in
        let foreign = try await session.rows(RoleOwnership.foreign)
        #expect(foreign == [])
      }
    }
  }

  /// The schema's own USAGE privilege is tested below.
  @Test("Analysts have no privileges on tables and only read views, and the server has none on views")
  func grants() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: nil) { session in
        let writing = "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
        for (login, schema, rights) in [
          (TestDatabase.Login.analyst, "keymeter", "SELECT, \(writing)"), (.analyst, "reporting", writing),
          (.analyst, "keymeter_home", "SELECT, \(writing)"),
          (.server, "reporting", "SELECT, \(writing)"),
        ] {
          let granted = try await session.rows(
            """
            SELECT c.relname::text FROM pg_catalog.pg_class AS c
            WHERE c.relnamespace = '\(schema)'::regnamespace AND c.relkind IN ('r', 'p', 'v')
              AND pg_catalog.has_table_privilege('\(login.rawValue)', c.oid, '\(rights)')
            """)
          #expect(granted == [], "\(login) \(schema)")
        }
      }
    }
  }

  @Test("An analyst reads every reporting view and nothing else")
  func analyst() async throws {
    try await RoleScene.with { scene in
      let (views, tables) = try await scene.connected(as: nil) { session in
        (
          try #require(
            try await session.rows(
              "SELECT oid::regclass::text FROM pg_catalog.pg_class WHERE relnamespace = 'reporting'::regnamespace"
            )),
          try #require(
            try await session.rows(
              "SELECT relname::text FROM pg_catalog.pg_class WHERE relnamespace = 'keymeter'::regnamespace "
                + "AND relkind IN ('r', 'p', 'v', 'S')"))
        )
      }
      #expect(views.count == 5)
      try await scene.connected(as: .analyst) { session in
        for view in views {
          #expect(try await session.rejection(of: "SELECT FROM \(view)") == nil, "\(view)")
          #expect(try await session.rejection(of: "DELETE FROM \(view)") != nil, "\(view)")
        }
        // Reports cover all tenants.
        let seen = try await session.rows(
          "SELECT DISTINCT organisation_id FROM reporting.monthly_usage ORDER BY 1")
        #expect(seen == [scene.home, scene.victim])
        for table in tables {
          #expect(try await session.rejection(of: "SELECT FROM keymeter.\(table)") == Self.denied, "\(table)")
        }
        for role in ["keymeter_app", "keymeter_owner"] {
          #expect(try await session.rejection(of: "SET ROLE \(role)") == Self.denied)
        }
        for file in EmbeddedSQL.reports {
          #expect(try await session.rejection(of: file.text) == nil, "\(file.name)")
        }
      }
      try await scene.connected(as: .server) { session in
        for view in views {
          let rejection = try await session.rejection(of: "SELECT FROM \(view)")
          #expect(rejection == Self.denied, "\(view)")
        }
      }
      try await scene.connected(as: .stranger) { session in
        for view in views + tables.map({ "keymeter.\($0)" }) {
          let rejection = try await session.rejection(of: "SELECT FROM \(view)")
          #expect(rejection == Self.denied, "\(view)")
        }
      }
    }
  }

  @Test(
    "A connection switches to its role if its login may, and the role's fitness is judged either way"
  )
  func standing() async throws {
    try await RoleScene.with { scene in
      try await scene.database.withPool { pool in
        let standing = try await ServerRoleCheck.current(on: pool)
        #expect(standing.unfitness == "is a superuser" && standing.loginIsUnbound && standing.isOwner)
        #expect(UnfitRoleError(standing)?.description.contains("member of keymeter_app") == true)
      }
      for role in [DatabaseRole.app, .owner, .reporting] {
        try await scene.database.withPool(as: role) { pool in
          let standing = try await ServerRoleCheck.current(on: pool)
          #expect(standing.role == role.rawValue && standing.login == "postgres" && standing.loginIsUnbound)
          #expect(standing.isOwner == (role == .owner))
          #expect((standing.unfitness == nil) == (role == .app))
        }
      }
      // A login that may not switch to the role keeps its own.
      let url = try await scene.database.url(as: .server)
      try await ConnectionPool.with(url: url, as: .owner) { pool in
        let standing = try await ServerRoleCheck.current(on: pool)
        #expect(standing.role == TestDatabase.Login.server.rawValue)
        #expect(standing.unfitness == nil && !standing.isOwner && !standing.loginIsUnbound)
      }
      let stranger = try await scene.database.url(as: .stranger)
      try await ConnectionPool.with(url: stranger, as: .app) { pool in
        let standing = try await ServerRoleCheck.current(on: pool)
        #expect(standing.unfitness == "lacks the rights of keymeter_app")
      }
    }
  }

  private static func callable(by login: TestDatabase.Login) -> String {
    """
    SELECT p.proname::text FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'keymeter'::regnamespace
      AND pg_catalog.has_function_privilege('\(login.rawValue)', p.oid, 'EXECUTE') ORDER BY 1
    """
  }

  private func expectRefusal(
    of sql: String, as login: TestDatabase.Login, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: login) { session in
        for organisation in [nil, scene.home] {
          let rejection = try await session.rejection(of: sql, in: organisation)
          #expect(rejection == Self.denied, "\(sql)", sourceLocation: sourceLocation)
        }
      }
    }
  }
}

/// Objects that keymeter_owner does not own.
enum RoleOwnership {
  static let foreign = """
    SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace::regnamespace::text IN ('keymeter', 'keymeter_home', 'reporting')
      AND c.relowner <> 'keymeter_owner'::regrole
    UNION ALL
    SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'keymeter'::regnamespace AND p.proowner <> 'keymeter_owner'::regrole
    UNION ALL
    SELECT t.oid::regtype::text FROM pg_catalog.pg_type AS t
    WHERE t.typnamespace::regnamespace::text IN ('keymeter', 'keymeter_home', 'reporting')
      AND t.typowner <> 'keymeter_owner'::regrole
    UNION ALL
    SELECT n.nspname::text FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname IN ('keymeter', 'keymeter_home', 'reporting') AND n.nspowner <> 'keymeter_owner'::regrole
    """
}
