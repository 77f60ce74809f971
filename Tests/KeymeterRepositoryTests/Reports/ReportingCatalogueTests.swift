import Postgres
import Testing

@testable import KeymeterRepository

@Suite("The reporting schema", .timeLimit(.minutes(10)))
struct ReportingCatalogueTests {
  @Test("The reporting schema has the documented views and nothing else")
  func views() async throws {
    try await ReportingDatabase.with { database in
      let found = try await database.rows(
        """
        SELECT c.relname, c.relkind FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'reporting'::regnamespace ORDER BY c.relname
        """)
      let names = ["daily_usage", "keys_near_limit", "monthly_usage", "top_consumers", "unused_keys"]
      #expect(found == names.map { [$0, "v"] })
    }
  }

  @Test("The schema, each view and each column have a comment")
  func comments() async throws {
    try await ReportingDatabase.with { database in
      let silent = try await database.rows(
        """
        SELECT n.nspname AS what FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = 'reporting' AND obj_description(n.oid, 'pg_namespace') IS NULL
        UNION ALL
        SELECT c.relname FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'reporting'::regnamespace AND obj_description(c.oid, 'pg_class') IS NULL
        UNION ALL
        SELECT c.relname || '.' || a.attname
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'reporting'::regnamespace AND a.attnum > 0
          AND coalesce(col_description(c.oid, a.attnum), '') = ''
        """)
      #expect(silent == [])
    }
  }

  @Test("No view exposes a secret's hash or hint")
  func noSecrets() async throws {
    try await ReportingDatabase.with { database in
      // A view's rule depends on every column it reads.
      let read = try await database.rows(
        """
        SELECT DISTINCT d.refobjid::regclass AS source, a.attname
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid
        JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE c.relnamespace = 'reporting'::regnamespace AND d.refclassid = 'pg_class'::regclass
          AND d.refobjsubid > 0
        """)
      #expect(read.contains(["keymeter.api_keys", "friendly_name"]))
      #expect(!read.contains { $0.first == "keymeter.api_key_secrets" })
      #expect(!read.contains(["keymeter.api_keys", "key_hint"]))
    }
  }

  @Test("A role with privileges on the views alone can read them")
  func viewsSuffice() async throws {
    try await ReportingDatabase.with { database in
      try await database.run(
        """
        REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA keymeter FROM PUBLIC;
        DROP ROLE IF EXISTS reporting_test_reader;
        CREATE ROLE reporting_test_reader;
        GRANT USAGE ON SCHEMA reporting TO reporting_test_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO reporting_test_reader;
        """)
      try await database.pool.withTransaction { connection in
        try await connection.executeScript("SET LOCAL ROLE reporting_test_reader")
        for file in EmbeddedSQL.reports { try await connection.executeScript(file.text) }
      }
      try await database.run("DROP OWNED BY reporting_test_reader; DROP ROLE reporting_test_reader")
    }
  }
}
