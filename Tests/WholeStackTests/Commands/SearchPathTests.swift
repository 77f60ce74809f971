import KeymeterRepository
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

/// Clusters from before PostgreSQL 15 let every login create objects in the schema `public`.
@Suite("Foreign functions and operators in the schema public", .timeLimit(.minutes(10)))
struct SearchPathTests {
  @Test("A rotation's overlap is as long as requested")
  func served() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = try await node.issue(by: root, scopes: #"["apikeys:read"]"#)
      // Its argument type fits better than that of PostgreSQL's own function, which takes double precision.
      try await database.run(
        """
        CREATE FUNCTION public.make_interval(secs bigint) RETURNS interval LANGUAGE sql
        AS $$ SELECT interval '100 years' $$
        """)
      let rotated = try await node.scrubbe(
        .POST, "/\(key.keyID)/rotate", root, body: #"{"overlapSecs":60}"#)
      #expect(rotated.status == 200)
      let long = try await Self.count(
        """
        SELECT count(*) AS n FROM keymeter.api_key_secrets
        WHERE valid_until BETWEEN now() + interval '1 day' AND 'infinity'
        """, on: database)
      #expect(long == 0)
    }
  }

  @Test("Migrations reference no foreign object")
  func migrated() async throws {
    let database = try await TestDatabase.empty()
    do {
      try await database.run(
        """
        CREATE FUNCTION public.alike(text[], text[]) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
        CREATE OPERATOR public.= (LEFTARG = text[], RIGHTARG = text[], FUNCTION = public.alike);
        """)
      try await database.withPool { _ = try await Migrator(pool: $0).migrate() }
      let bound = try await Self.count(
        """
        SELECT count(*) AS n FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_operator AS o ON o.oid = d.refobjid
        WHERE d.refclassid = 'pg_operator'::regclass AND o.oprnamespace = 'public'::regnamespace
        """, on: database)
      #expect(bound == 0)
    } catch {
      await database.drop()
      throw error
    }
    await database.drop()
  }

  private static func count(_ sql: String, on database: TestDatabase) async throws -> Int64 {
    try await database.withPool { pool in
      try await pool.withConnection {
        try await $0.execute(Statement("test_count", sql)).rows[0].decode("n", as: Int64.self)
      }
    }
  }
}
