import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Reads the tables from the catalogue, so that a new table without policies is found.
@Suite("Row-level security", .timeLimit(.minutes(10)))
struct TenantIsolationTests {
  private static let tables = """
    SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace::regnamespace::text IN ('keymeter', 'keymeter_home') AND c.relkind IN ('r', 'p') ORDER BY 1
    """
  private static let tenantTables = """
    SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
    WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1
    """

  /// Tenant tables without row-level security.
  private static let open = """
    SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
    WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relrowsecurity
    """

  @Test(
    "Every table of the cell has row-level security, and only the known tables are in the home schema"
  )
  func everyTable() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: nil) { session in
        let tenants = try #require(try await session.rows(Self.tenantTables))
        #expect(tenants.count >= 9 + 4)
        let bare = Set(try #require(try await session.rows(Self.tables))).subtracting(tenants)
        #expect(
          bare == [
            "keymeter_home.directory", "keymeter_home.peppers", "keymeter_home.schema_functions",
            "keymeter_home.schema_migrations", "keymeter_home.schema_objects",
          ])
        let unprotected = try await session.rows(Self.open)
        #expect(unprotected == [])
      }
    }
  }

  @Test("Every policy compares the row's tenant with the transaction's")
  func policies() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: nil) { session in
        let found = try await session.rows(
          """
          SELECT DISTINCT concat_ws(' ', policyname, permissive, roles::text, cmd, qual, with_check)
          FROM pg_catalog.pg_policies ORDER BY 1
          """)
        #expect(
          found == [
            "tenant PERMISSIVE {keymeter_app} ALL (organisation_id = "
              + "NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text))"
          ])
        let partitions = try await session.rows(
          """
          SELECT p.tablename::text FROM pg_catalog.pg_policies AS p
          JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(p.schemaname || '.' || p.tablename)
          WHERE c.relispartition
          """)
        #expect(partitions == [])
      }
    }
  }

  @Test(
    "The server sees only rows of the transaction's tenant, and none without a tenant")
  func reading() async throws {
    try await RoleScene.with { scene in
      let tables = try await scene.connected(as: nil) { try #require(try await $0.rows(Self.tenantTables)) }
      try await scene.connected(as: .server) { session in
        var readable: [String] = []
        for table in tables {
          let sql = "SELECT DISTINCT organisation_id FROM \(table)"
          guard let seen = try await session.rows(sql, in: scene.home) else { continue }
          readable.append(table)
          #expect(seen == [scene.home], "\(table)")
          // In the same session, after a transaction with a tenant.
          #expect(try await session.rows(sql) == [], "\(table)")
          #expect(try await session.rows(sql, in: "org_unknown") == [], "\(table)")
          #expect(try await session.rows(sql, in: "") == [], "\(table)")
        }
        #expect(
          readable == [
            "keymeter.api_key_secrets", "keymeter.api_keys", "keymeter.audit_log",
            "keymeter.former_secrets", "keymeter.idempotency_keys", "keymeter.organisations",
            "keymeter.usage_daily",
            "keymeter.usage_monthly",
          ])
      }
    }
  }

  @Test("The server can't insert, update, delete, lock or truncate rows of another tenant")
  func writing() async throws {
    try await RoleScene.with { scene in
      let columns = try await scene.connected(as: nil) { session in
        let tables = try #require(try await session.rows(Self.tables))
        return try await Dictionary(
          uniqueKeysWithValues: tables.asyncMap { table in
            (table, try #require(try await session.rows(Self.columns(of: table))))
          })
      }
      let before = try await fingerprints(scene, tables: Array(columns.keys))
      try await scene.connected(as: .server) { session in
        for (table, columns) in columns {
          for named in [nil, scene.home] {
            for sql in Self.attacks(on: table, columns: columns, victim: scene.victim) {
              try await Self.carryOut(sql, on: session, in: named)
            }
          }
        }
      }
      #expect(try await fingerprints(scene, tables: Array(columns.keys)) == before)
    }
  }

  @Test("A new partition is isolated like the existing ones")
  func laterPartitions() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: .server) { session in
        let made = try await session.rows("SELECT keymeter.ensure_usage_partitions(9)::text")
        #expect(made != ["0"] && made != nil)
      }
      try await scene.connected(as: nil) { session in
        let open = try await session.rows(
          """
          SELECT c.relname::text FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'keymeter.usage_daily'::regclass
            AND NOT (c.relrowsecurity AND c.relowner = 'keymeter_owner'::regrole)
          """)
        #expect(open == [])
      }
      try await scene.connected(as: .server) { session in
        let seen = try await session.rows(
          "SELECT organisation_id FROM keymeter.usage_daily_1999_01", in: scene.home)
        #expect(seen == nil)
      }
    }
  }

  @Test("A function for one tenant rejects any other than the transaction's")
  func functionsForOneTenant() async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: .server) { session async throws in
        let settle =
          "SELECT keymeter.settle('\(scene.victim)', 'key_\(scene.victim)', 'rsv_\(scene.victim)', 1, 0, 0)"
        #expect(try await session.rejection(of: settle) == "42501")
        #expect(try await session.rejection(of: settle, in: scene.home) == "42501")
        #expect(try await session.rejection(of: settle, in: scene.victim) == nil)
        let lock = "SELECT keymeter.lock_organisation('\(scene.victim)')"
        #expect(try await session.rejection(of: lock, in: scene.home) == "42501")
        let fence = "SELECT keymeter.bump_counter_version('\(scene.victim)', 'key_\(scene.victim)')"
        #expect(try await session.rejection(of: fence, in: scene.home) == "42501")
        let audit = "SELECT keymeter.append_audit('\(scene.victim)', 'cli', NULL, 'x', 'x', 'x', '{}')"
        #expect(try await session.rejection(of: audit, in: scene.home) == "42501")
        #expect(try await session.rejection(of: audit, in: scene.victim) == nil)
        let usage = "SELECT key_id FROM keymeter.usage('\(scene.victim)', 'key_\(scene.victim)')"
        #expect(try await session.rows(usage, in: scene.home) == [])
        #expect(try await session.rows(usage, in: scene.victim) == ["key_\(scene.victim)"])
      }
    }
  }

  private static func columns(of table: String) -> String {
    """
    SELECT attname::text FROM pg_catalog.pg_attribute
    WHERE attrelid = '\(table)'::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' ORDER BY attnum
    """
  }

  /// Every way to reach rows, column by column, because privileges can be granted per column.
  private static func attacks(on table: String, columns: [String], victim: String) -> [String] {
    let list = columns.joined(separator: ", ")
    let writes = columns.flatMap { column in
      [
        "UPDATE \(table) SET \(column) = \(column)",
        "INSERT INTO \(table) (\(column)) SELECT \(column) FROM \(table)",
        "INSERT INTO \(table) (\(column)) VALUES (DEFAULT)",
      ]
    }
    let tenant =
      columns.contains("organisation_id")
      ? [
        "UPDATE \(table) SET organisation_id = '\(victim)'",
        "INSERT INTO \(table) (organisation_id) VALUES ('\(victim)')",
        "DELETE FROM \(table) WHERE organisation_id = '\(victim)'",
        "SELECT FROM \(table) WHERE organisation_id = '\(victim)' FOR UPDATE",
      ] : ["DELETE FROM \(table)"]
    return writes + tenant + [
      "TRUNCATE \(table) CASCADE", "INSERT INTO \(table) (\(list)) SELECT \(list) FROM \(table)",
    ]
  }

  /// Commits a statement, so that any effect can be seen afterwards.
  ///
  /// Most statements are rejected, and some change nothing.
  private static func carryOut(_ sql: String, on session: RoleSession, in organisation: String?) async throws
  {
    do {
      try await session.pool.withTransaction { connection in
        if let organisation {
          _ = try await connection.execute(OrganisationStatements.setTenant, [.text(organisation)])
        }
        try await connection.executeScript(sql)
      }
    } catch is PostgresError {}
  }

  /// The other tenant's rows in each table with their versions, so that a rewritten row shows.
  private func fingerprints(_ scene: RoleScene, tables: [String]) async throws -> [String: [String]] {
    try await scene.connected(as: nil) { session in
      try await Dictionary(
        uniqueKeysWithValues: tables.asyncMap { table in
          let sql =
            "SELECT t.xmin::text || t::text FROM \(table) AS t WHERE t::text LIKE '%\(scene.victim)%' OR "
            + "'\(table)' LIKE '%.schema_%' ORDER BY 1"
          return (table, try #require(try await session.rows(sql)))
        })
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<Output>(_ transform: (Element) async throws -> Output) async rethrows -> [Output]
  {
    var outputs: [Output] = []
    for element in self { outputs.append(try await transform(element)) }
    return outputs
  }
}
