import Foundation
import KeymeterTesting
import Postgres
import Testing

/// Checks deploy/citus/distribute.sql as far as possible without Citus.
///
/// Citus enforces unique keys per shard only, so each must include the distribution column.
@Suite("Distributing the tables by organisation", .timeLimit(.minutes(1)))
struct DistributionTests {
  /// Unique keys of distributed tables without the organisation.
  ///
  /// docs/scaling.md explains each of them.
  private static let knownExceptions = ["api_key_secrets_secret_hash_key", "former_secrets_secret_hash_key"]

  @Test(
    "Every tenant table is distributed once, and every other is a reference table or the migrator's"
  )
  func tables() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let tenants = try await rows(of: pool, Self.tables(holdingOrganisations: true))
        let others = try await rows(of: pool, Self.tables(holdingOrganisations: false))
        let script = try Script()
        #expect(Set(script.distributed).isDisjoint(with: script.references))
        #expect((script.distributed + script.references.filter { tenants.contains($0) }).sorted() == tenants)
        #expect(
          others.filter { !script.references.contains($0) } == ["schema_functions", "schema_migrations"])
      }
    }
  }

  @Test("Every unique key includes the organisation, except the documented ones")
  func keysBefore() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let exceptions = try await rows(of: pool, Self.keysWithoutOrganisation(try Script().distributed))
        #expect(exceptions == Self.knownExceptions)
      }
    }
  }

  @Test("The script's changes leave no exceptions and give every secret its place")
  func keysAfter() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let script = try Script()
        try await pool.withConnection { try await $0.executeScript(script.part("keys")) }
        let exceptions = try await rows(of: pool, Self.keysWithoutOrganisation(script.distributed))
        #expect(exceptions == [])
        #expect(script.references.contains("secret_places"))
      }
    }
  }

  @Test("Foreign keys stay on one server or point to reference tables")
  func foreignKeys() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let script = try Script()
        let far = try await rows(
          of: pool, Self.foreignKeysAway(script.distributed, copies: script.references))
        #expect(far == [])
        // A table is distributed before those that refer to it.
        let pairs = try await rows(of: pool, Self.references(among: script.distributed))
        for pair in pairs.map({ $0.split(separator: " ").map(String.init) }) {
          let from = try #require(script.distributed.firstIndex(of: pair[0]))
          let to = try #require(script.distributed.firstIndex(of: pair[1]))
          #expect(to < from, "\(pair)")
        }
      }
    }
  }

  @Test("Distributed functions exist, and those of one organisation take it as first argument")
  func functions() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        for (signature, argument) in try Script().functions {
          let names = try await rows(
            of: pool,
            """
            SELECT coalesce(array_to_string(p.proargnames, ' '), '') AS line FROM pg_catalog.pg_proc AS p
            WHERE p.oid = '\(signature)'::regprocedure
            """)
          let arguments = try #require(names.first).split(separator: " ").map(String.init)
          if let argument { #expect(arguments.first == argument, "\(signature)") }
        }
      }
    }
  }

  private static func tables(holdingOrganisations: Bool) -> String {
    """
    SELECT c.relname::text AS line FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                  WHERE a.attrelid = c.oid AND a.attname = 'organisation_id') = \(holdingOrganisations)
    ORDER BY 1
    """
  }

  /// Primary keys, unique keys and exclusion constraints by their indexes.
  private static func keysWithoutOrganisation(_ tables: [String]) -> String {
    """
    SELECT x.relname::text AS line FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relname IN (\(list(tables)))
      AND (i.indisunique OR i.indisexclusion)
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = 'organisation_id'
          AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1]))
    ORDER BY 1
    """
  }

  private static func foreignKeysAway(_ tables: [String], copies: [String]) -> String {
    """
    SELECT f.conname::text AS line FROM pg_catalog.pg_constraint AS f
    JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
    JOIN pg_catalog.pg_class AS r ON r.oid = f.confrelid
    WHERE f.contype = 'f' AND c.relname IN (\(list(tables))) AND r.relname NOT IN (\(list(copies)))
      AND NOT EXISTS (
        SELECT FROM unnest(f.conkey, f.confkey) AS k (own, other)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = k.own
        JOIN pg_catalog.pg_attribute AS b ON b.attrelid = f.confrelid AND b.attnum = k.other
        WHERE a.attname = 'organisation_id' AND b.attname = 'organisation_id')
    ORDER BY 1
    """
  }

  private static func references(among tables: [String]) -> String {
    """
    SELECT c.relname || ' ' || r.relname AS line FROM pg_catalog.pg_constraint AS f
    JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
    JOIN pg_catalog.pg_class AS r ON r.oid = f.confrelid
    WHERE f.contype = 'f' AND c.relname IN (\(list(tables))) AND r.relname IN (\(list(tables)))
    ORDER BY 1
    """
  }

  private static func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }

  private func rows(of pool: ConnectionPool, _ sql: String) async throws -> [String] {
    try await pool.withConnection { connection in
      try await connection.execute(Statement("test_distribution", sql)).rows.map {
        try $0.decode("line", as: String.self)
      }
    }
  }
}

/// deploy/citus/distribute.sql, parsed.
private struct Script {
  let distributed: [String]
  let references: [String]
  /// Signatures, and the argument that selects the server.
  let functions: [(signature: String, argument: String?)]
  private let text: String

  init() throws {
    let root = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()
    text = try String(contentsOfFile: "\(root)/deploy/citus/distribute.sql", encoding: .utf8)
    distributed = text.matches(
      of: /create_distributed_table\('keymeter\.(?<table>\w+)', 'organisation_id'/
    ).map { String($0.table) }
    references = text.matches(of: /create_reference_table\('keymeter\.(?<table>\w+)'\)/).map {
      String($0.table)
    }
    functions = text.matches(
      of: /create_distributed_function\(\s*'(?<signature>[^']+)'(?:, '(?<argument>\w+)')?/
    ).map { (signature: String($0.signature), argument: $0.argument.map(String.init)) }
  }

  /// The statements under a heading.
  func part(_ name: String) throws -> String {
    let parts = text.components(separatedBy: "-- part: ")
    let part = try #require(parts.first { $0.hasPrefix("\(name)\n") })
    return String(part.dropFirst(name.count))
  }
}
