import KeymeterRepository
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

/// On clusters from before PostgreSQL 15, and where an operator said so, anybody may create in the schema `public`.
@Suite("Functions and operators that somebody else has made", .timeLimit(.minutes(2)))
struct SearchPathTests {
  @Test("Are not the server's: a rotation's overlap is as long as it was asked for")
  func served() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = try await node.issue(by: root, scopes: #"["apikeys:read"]"#)
      // By its argument's type PostgreSQL would prefer it to its own, which takes double precision.
      try await Self.execute(
        """
        CREATE FUNCTION public.make_interval(secs bigint) RETURNS interval LANGUAGE sql
        AS $$ SELECT interval '100 years' $$
        """, on: database)
      let rotated = try await node.scrubbe(
        .POST, "/\(key.keyID)/rotate", root, body: #"{"overlapSecs":60}"#)
      #expect(rotated.status == 200)
      let long = try await Self.count(
        "SELECT count(*) AS n FROM keymeter.api_key_secrets WHERE valid_until BETWEEN now() + interval '1 day' AND 'infinity'",
        on: database)
      #expect(long == 0)
    }
  }

  @Test("Are not what migrations bind anything to")
  func migrated() async throws {
    let database = try await TestDatabase.empty()
    do {
      try await Self.execute(
        """
        CREATE FUNCTION public.alike(text[], text[]) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
        CREATE OPERATOR public.= (LEFTARG = text[], RIGHTARG = text[], FUNCTION = public.alike);
        """, on: database)
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

  private static func execute(_ sql: String, on database: TestDatabase) async throws {
    try await database.withPool { try await $0.withConnection { try await $0.executeScript(sql) } }
  }

  private static func count(_ sql: String, on database: TestDatabase) async throws -> Int64 {
    try await database.withPool { pool in
      try await pool.withConnection {
        try await $0.execute(Statement("test_count", sql)).rows[0].decode("n", as: Int64.self)
      }
    }
  }
}
