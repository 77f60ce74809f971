import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("The migrator", .timeLimit(.minutes(10)))
struct MigratorTests {
  @Test("The first run applies all files in order, and the second none")
  func appliesOnce() async throws {
    try await withEmptyDatabase { pool in
      let migrator = Migrator(pool: pool)
      #expect(try await migrator.state().pending == SchemaFiles.embedded.migrations.map(\.name))
      let applied = try await migrator.migrate()
      #expect(applied.starts(with: SchemaFiles.embedded.migrations.map(\.name)))
      #expect(try await migrator.migrate().isEmpty)
      #expect(try await migrator.state().isUsable)
    }
  }

  @Test("Concurrent migrators apply each file exactly once")
  func concurrent() async throws {
    try await withEmptyDatabase(connections: 4) { pool in
      let applied = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<4 { group.addTask { try await Migrator(pool: pool).migrate() } }
        return try await group.reduce([], +)
      }
      #expect(applied.count == Set(applied).count)
    }
  }

  @Test(
    "A migrator waits if another one creates the ledger first, and takes over if that one rolls back")
  func overtaken() async throws {
    for end in ["COMMIT", "ROLLBACK"] {
      try await withEmptyDatabase(connections: 3) { pool in
        let applied = try await pool.withConnection { connection in
          try await connection.executeScript("BEGIN; \(MigrationStatements.createLedger)")
          let applied = Task { try await Migrator(pool: pool).migrate() }
          while try await pool.withConnection({ try await $0.execute(Self.waiting).rows.isEmpty }) {
            try await Task.sleep(for: .milliseconds(5))
          }
          try await connection.executeScript(end)
          return applied
        }
        #expect(try await applied.value.starts(with: SchemaFiles.embedded.migrations.map(\.name)))
      }
    }
  }

  @Test("A login that can only read the ledger learns that nothing is missing, and can't migrate")
  func reader() async throws {
    try await TestDatabase.withMigrated { database in
      let login = TestDatabase.Login.stranger
      try await database.withPool { pool in
        try await pool.withConnection {
          try await $0.executeScript(
            """
            GRANT USAGE ON SCHEMA \(Schema.cell), \(Schema.home) TO \(login.rawValue);
            GRANT SELECT ON keymeter_home.schema_migrations, keymeter_home.schema_functions TO \(login.rawValue);
            """)
        }
        try await ConnectionPool.with(url: try await database.url(as: login)) { readers in
          #expect(try await Migrator(pool: readers).migrate().isEmpty)
          for change in [
            "UPDATE keymeter_home.schema_functions SET checksum = 'x' WHERE name = 'admit.sql'",
            "DROP TABLE \(PartitionsAheadTests.partition(ahead: 3))",
          ] {
            try await pool.withConnection { try await $0.executeScript(change) }
            let error = await #expect(throws: PostgresError.self) {
              try await Migrator(pool: readers).migrate()
            }
            #expect(error?.sqlState == .insufficientPrivilege)
            _ = try await Migrator(pool: pool).migrate()
          }
          #expect(try await Migrator(pool: readers).migrate().isEmpty)
        }
      }
    }
  }

  @Test("A migrator with nothing to do does not wait for one at work")
  func nothingMissing() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        try await pool.withTransaction { connection in
          try await connection.executeScript(MigrationStatements.lock)
          #expect(try await Migrator(pool: pool).migrate().isEmpty)
        }
      }
    }
  }

  @Test("A changed migration that was applied is an error that names the file, and nothing is applied")
  func changedMigration() async throws {
    try await withEmptyDatabase { pool in
      let first = Self.migration("0001_create_a.sql", "CREATE TABLE public.a ();")
      _ = try await Migrator(pool: pool, files: .init(migrations: [first], functions: [])).migrate()
      let edited = Self.migration("0001_create_a.sql", "CREATE TABLE public.a (b int);")
      let second = Self.migration("0002_create_c.sql", "CREATE TABLE public.c ();")
      let migrator = Migrator(pool: pool, files: .init(migrations: [edited, second], functions: []))
      await #expect(throws: ChangedMigrationError(names: ["0001_create_a.sql"])) {
        try await migrator.migrate()
      }
      let state = try await migrator.state()
      #expect(state.pending == ["0002_create_c.sql"])
      #expect(!state.isUsable)
    }
  }

  @Test("A failed migration leaves no trace")
  func failingMigration() async throws {
    try await withEmptyDatabase { pool in
      let files = SchemaFiles(
        migrations: [Self.migration("0001_create_a.sql", "CREATE TABLE public.a (); SELECT 1/0;")],
        functions: [])
      await #expect(throws: PostgresError.self) {
        try await Migrator(pool: pool, files: files).migrate()
      }
      let found = try await pool.withConnection { try await $0.execute(Self.findTable, [.text("a")]) }
      #expect(found.rows.isEmpty)
      #expect(try await Migrator(pool: pool, files: files).state().pending == ["0001_create_a.sql"])
    }
  }

  @Test("A function is applied again after its text changes")
  func changedFunction() async throws {
    try await withEmptyDatabase { pool in
      for answer in [1, 2] {
        let files = SchemaFiles(
          migrations: [],
          functions: [
            Self.function(
              "f.sql", "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT \(answer)'")
          ])
        #expect(try await Migrator(pool: pool, files: files).migrate() == ["f.sql"])
        #expect(try await Migrator(pool: pool, files: files).migrate().isEmpty)
        let row = try await pool.withConnection { try await $0.execute(Self.callFunction).rows.first }
        #expect(try row?.decode("answer", as: Int32.self) == Int32(answer))
      }
    }
  }

  @Test("An older binary works on a newer schema and reverts nothing")
  func olderBinary() async throws {
    try await withEmptyDatabase { pool in
      let first = Self.migration("0001_create_a.sql", "CREATE TABLE public.a ();")
      let second = Self.migration("0002_create_c.sql", "CREATE TABLE public.c ();")
      let newFunction = Self.function(
        "f.sql", "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 2'")
      let oldFunction = Self.function(
        "f.sql", "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
      _ = try await Migrator(
        pool: pool, files: .init(migrations: [first, second], functions: [newFunction])
      ).migrate()
      let older = Migrator(pool: pool, files: .init(migrations: [first], functions: [oldFunction]))
      let state = try await older.state()
      #expect(state.isUsable)
      #expect(state.unknown == ["0002_create_c.sql"])
      #expect(try await older.migrate().isEmpty)
    }
  }

  @Test("Embedded migrations are numbered from 1 without gaps and have well-formed names")
  func embeddedNames() throws {
    let migrations = SchemaFiles.embedded.migrations
    #expect(migrations.map(\.version) == Array(1...Int32(migrations.count)))
    #expect(try migrations.allSatisfy { try #/\d{4}_[a-z]+(_[a-z]+)+\.sql/#.wholeMatch(in: $0.name) != nil })
  }

  private static let findTable = Statement(
    "test_find_table", "SELECT 1 AS found FROM pg_catalog.pg_class WHERE relname = $1")
  private static let waiting = Statement(
    "test_waiting",
    """
    SELECT 1 AS found FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
    """)
  private static let callFunction = Statement("test_call_function", "SELECT f() AS answer")

  private static func migration(_ name: String, _ text: String) -> Migration {
    Migration(EmbeddedSQLFile(name: name, text: text))
  }

  private static func function(_ name: String, _ text: String) -> SchemaFunction {
    SchemaFunction(EmbeddedSQLFile(name: name, text: text))
  }

  private func withEmptyDatabase(
    connections: Int = 2, _ body: (ConnectionPool) async throws -> Void
  ) async throws {
    let database = try await TestDatabase.empty()
    try await database.withPool(maximumConnections: connections, body)
    await database.drop()
  }
}
