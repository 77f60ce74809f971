import Foundation
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// `make schema` writes `sql/schema.sql`, which shows each table whole.
@Suite("sql/schema.sql", .timeLimit(.minutes(10)))
struct SchemaDocumentTests {
  @Test("sql/schema.sql is the schema that the migrations create")
  func upToDate() async throws {
    let path = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined() + "/sql/schema.sql"
    let document = try await Self.document()
    if ProcessInfo.processInfo.environment["KEYMETER_WRITE_SCHEMA"] == "1" {
      try document.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(
      try String(contentsOfFile: path, encoding: .utf8) == document, "run `make schema` and commit the file")
  }

  private static func document() async throws -> String {
    let header = """
      -- Generated from the migrations by `make schema`. Not applied: read it to see each table whole.
      -- Functions and reporting views are in sql/functions. The monthly partitions of usage_daily are left out.
      """
    return try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        try await pool.withConnection { connection in
          let relations = try await connection.execute(relations).rows.map {
            try $0.decode("text", as: String.self)
          }
          return ([header] + relations).joined(separator: "\n\n") + "\n"
        }
      }
    }
  }

  /// Every table, view and composite type, with its comments, constraints, indexes, triggers, policies and grants.
  private static let relations = Statement(
    "test_schema_document",
    """
    WITH relation AS (
      SELECT c.oid, c.relkind, n.nspname, c.relname, c.oid::regclass::text AS name,
        coalesce(obj_description(c.reltype, 'pg_type'), obj_description(c.oid, 'pg_class')) AS comment, c.relrowsecurity, c.reloptions, c.relacl, c.relowner,
        CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound,
        (SELECT i.inhparent::regclass::text FROM pg_inherits AS i WHERE i.inhrelid = c.oid) AS parent
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('\(Schema.cell)', '\(Schema.home)') AND c.relkind IN ('r', 'p', 'v', 'c')
    ), item AS (
      -- Columns, then constraints: what stands between a table's parentheses.
      SELECT a.attrelid AS relation, 0 AS part, a.attnum::int AS n,
        concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
          CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || (
            SELECT quote_ident(l.collname) FROM pg_collation AS l WHERE l.oid = a.attcollation) END,
          CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS text,
        col_description(a.attrelid, a.attnum) AS comment
      FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT k.conrelid, 1, row_number() OVER (ORDER BY position(k.contype::text IN 'puxfc'), k.conname)::int,
        'CONSTRAINT ' || k.conname || ' ' || pg_get_constraintdef(k.oid, true), NULL
      FROM pg_constraint AS k
    ), numbered AS (
      SELECT i.*, row_number() OVER (PARTITION BY i.relation ORDER BY i.part DESC, i.n DESC) = 1 AS is_last FROM item AS i
    ), body AS (
      SELECT relation, string_agg('  ' || text || CASE WHEN is_last THEN '' ELSE ',' END || coalesce(' -- ' || comment, ''),
        E'\\n' ORDER BY part, n) AS text
      FROM numbered GROUP BY relation
    ), privilege AS (
      SELECT r.oid, g.grantee, g.privilege_type, NULL::text AS columns
      FROM relation AS r, aclexplode(r.relacl) AS g WHERE g.grantee <> r.relowner
      UNION ALL
      SELECT r.oid, g.grantee, g.privilege_type, string_agg(a.attname, ', ' ORDER BY a.attnum)
      FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid, aclexplode(a.attacl) AS g
      WHERE g.grantee <> r.relowner GROUP BY r.oid, g.grantee, g.privilege_type
    ), extra AS (
      SELECT i.indrelid AS relation, 0 AS part, pg_get_indexdef(i.indexrelid) AS text
      FROM pg_index AS i WHERE NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
      UNION ALL
      SELECT t.tgrelid, 1, pg_get_triggerdef(t.oid, true) FROM pg_trigger AS t WHERE NOT t.tgisinternal
      UNION ALL
      SELECT r.oid, 2, 'ALTER TABLE ' || r.name || ' ENABLE ROW LEVEL SECURITY' FROM relation AS r WHERE r.relrowsecurity
      UNION ALL
      SELECT p.polrelid, 3, concat_ws(' ', 'CREATE POLICY', p.polname, 'ON', p.polrelid::regclass::text, 'TO',
        (SELECT string_agg(o::regrole::text, ', ') FROM unnest(p.polroles) AS u (o)),
        'USING (' || pg_get_expr(p.polqual, p.polrelid, true) || ')', 'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid, true) || ')')
      FROM pg_policy AS p
      UNION ALL
      SELECT p.oid, 4, 'GRANT ' || string_agg(p.privilege_type || coalesce(' (' || p.columns || ')', ''), ', '
          ORDER BY p.columns IS NOT NULL, p.privilege_type) || ' ON ' || p.oid::regclass::text || ' TO ' || p.grantee::regrole::text
      FROM privilege AS p GROUP BY p.oid, p.grantee
    )
    SELECT coalesce('-- ' || r.comment || E'\\n', '')
      || CASE r.relkind
        WHEN 'v' THEN 'CREATE VIEW ' || r.name || E' AS\\n' || pg_get_viewdef(r.oid, true)
        WHEN 'c' THEN 'CREATE TYPE ' || r.name || E' AS (\\n' || b.text || E'\\n);'
        ELSE 'CREATE TABLE ' || r.name || coalesce(' PARTITION OF ' || r.parent || ' ' || r.bound, E' (\\n' || b.text || E'\\n)')
          || CASE WHEN r.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(r.oid) ELSE '' END
          || coalesce(' WITH (' || array_to_string(r.reloptions, ', ') || ')', '') || ';'
        END
      || coalesce((SELECT string_agg(E'\\n' || e.text || ';', '' ORDER BY e.part, e.text) FROM extra AS e
        WHERE e.relation = r.oid AND r.bound IS NULL), '') AS text
    FROM relation AS r LEFT JOIN body AS b ON b.relation = r.oid
    WHERE r.bound IS NULL OR r.bound = 'DEFAULT'
    ORDER BY r.nspname, r.relname
    """)
}
