import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// What makes it possible to move a cell to another database: see docs/scaling.md.
@Suite("Cell and home schema", .timeLimit(.minutes(10)))
struct CellTests {
  /// Finds a secret by its hash, before the organisation is known.
  private static let lookupsByHash = ["api_key_secrets_secret_hash_key", "former_secrets_secret_hash_key"]

  @Test("Every table of the cell has organisation_id as the first column of its primary key")
  func primaryKeys() async throws {
    let others = try await rows(
      """
      SELECT c.relname::text AS line FROM pg_catalog.pg_class AS c
      LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
      LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
      WHERE c.relnamespace = '\(Schema.cell)'::regnamespace AND c.relkind IN ('r', 'p')
        AND a.attname IS DISTINCT FROM 'organisation_id'
      """)
    #expect(others == [])
  }

  @Test("Other unique keys contain organisation_id, except the lookups by hash and the provider id")
  func uniqueKeys() async throws {
    let others = try await rows(
      """
      SELECT x.relname::text AS line FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
      WHERE x.relnamespace = '\(Schema.cell)'::regnamespace AND (i.indisunique OR i.indisexclusion)
        AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = i.indrelid AND a.attname = 'organisation_id' AND a.attnum = ANY (i.indkey))
      ORDER BY 1
      """)
    #expect(others == (Self.lookupsByHash + ["organisations_provider_id_key"]).sorted())
  }

  @Test("No foreign key joins the cell with the home schema, and those of the cell contain organisation_id")
  func foreignKeys() async throws {
    let others = try await rows(
      """
      SELECT f.conname::text AS line FROM pg_catalog.pg_constraint AS f
      JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
      JOIN pg_catalog.pg_class AS r ON r.oid = f.confrelid
      WHERE f.contype = 'f' AND (c.relnamespace <> r.relnamespace OR NOT EXISTS (
        SELECT FROM unnest(f.conkey, f.confkey) AS k (own, other)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = k.own
        JOIN pg_catalog.pg_attribute AS b ON b.attrelid = f.confrelid AND b.attnum = k.other
        WHERE a.attname = 'organisation_id' AND b.attname = 'organisation_id'))
      """)
    #expect(others == [])
  }

  @Test("No statement, function or view reaches both schemas")
  func statements() {
    for statement in StatementCatalogue.all where statement.sql.contains("\(Schema.home).") {
      #expect(!statement.sql.contains("\(Schema.cell)."), "\(statement.name)")
    }
    for file in EmbeddedSQL.functions where file.name != "grants.sql" {
      #expect(!file.text.contains(Schema.home), "\(file.name)")
    }
  }

  @Test("SQL files name the cell by its placeholder")
  func placeholder() {
    for file in EmbeddedSQL.migrations + EmbeddedSQL.functions {
      let text = file.text.replacing("keymeter.organisation_id", with: "")
      #expect(!text.contains(/\bkeymeter\.\w/), "\(file.name)")
    }
  }

  @Test("No two files of sql/functions have the same name")
  func names() {
    let names = EmbeddedSQL.functions.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.last == "grants.sql")
  }

  private func rows(_ sql: String) async throws -> [String] {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        try await pool.withConnection { connection in
          try await connection.execute(Statement("test_cell", sql)).rows.map {
            try $0.decode("line", as: String.self)
          }
        }
      }
    }
  }
}
