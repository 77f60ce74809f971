import KeymeterOps
import KeymeterRepository
import KeymeterTesting
import Postgres
import Testing

@Suite("keymeter doctor: roles, schema and peppers", .timeLimit(.minutes(10)))
struct DoctorSchemaTests {
  @Test("A login that may not serve fails, one that bypasses row-level security is a warning")
  func logins() async throws {
    try await TestDatabase.withMigrated { database in
      #expect(try await DoctorProcess.on(database.url)["role"]?.status == "warn")
      for login in [TestDatabase.Login.bypassing, .stranger] {
        let run = try await DoctorProcess.on(try await database.url(as: login))
        #expect(run["role"]?.status == "fail" && run.code == 1, "\(run.text)")
      }
      let stranger = try await DoctorProcess.on(try await database.url(as: .stranger))
      #expect(stranger["migrations"]?.status == "skip" && stranger["peppers"]?.status == "skip")
    }
  }

  @Test("Everything that the login has besides keymeter_app is a named warning, except rights to statistics")
  func excessPrivileges() async throws {
    try await OwnCluster.with(logins: ["keymeter_more"]) { cluster in
      let url = cluster.connectionURL(database: "keymeter", role: "keymeter_more")
      for (sql, names, undo) in [
        (
          "GRANT keymeter_owner TO keymeter_more", ["\"keymeter_owner\""],
          "REVOKE keymeter_owner FROM keymeter_more"
        ),
        (
          #"CREATE ROLE "b"", (x" NOINHERIT; GRANT pg_signal_backend TO "b"", (x"; GRANT "b"", (x" TO keymeter_more"#,
          [#""b"", (x", "pg_signal_backend""#], #"DROP ROLE "b"", (x""#
        ),
        (
          "ALTER ROLE keymeter_more CREATEROLE CREATEDB", ["CREATEROLE", "CREATEDB"],
          "ALTER ROLE keymeter_more NOCREATEROLE NOCREATEDB"
        ),
        (
          "ALTER DATABASE keymeter OWNER TO keymeter_more", ["owns"],
          "ALTER DATABASE keymeter OWNER TO postgres"
        ),
        ("GRANT pg_monitor TO keymeter_more", [], "SELECT 1"),
      ] {
        try await OwnCluster.run(sql, on: cluster)
        let role = try #require(try await DoctorProcess.on(url)["role"])
        #expect(role.status == (names.isEmpty ? "ok" : "warn"), "\(role)")
        #expect(names.allSatisfy { role.found.contains($0) }, "\(role)")
        try await OwnCluster.run(undo, on: cluster)
      }
    }
  }

  @Test("A migration or function that was not applied fails by name, and what depends on it is skipped")
  func notApplied() async throws {
    let missing = try await DoctorProcess.after(
      "DELETE FROM keymeter_home.schema_migrations WHERE version = 3")
    #expect(missing["migrations"]?.status == "fail")
    #expect(missing["migrations"]?.found.contains("0003_create_keys.sql") == true)
    #expect(missing["row-level-security"]?.status == "skip" && missing["peppers"]?.status == "skip")
    let changed = try await DoctorProcess.after(
      "UPDATE keymeter_home.schema_migrations SET checksum = 'x' WHERE version = 3")
    #expect(changed["migrations"]?.status == "fail")
    let outdated = try await DoctorProcess.after(
      "UPDATE keymeter_home.schema_functions SET checksum = 'x' WHERE name = 'admit.sql'")
    #expect(outdated["migrations"]?.found.contains("admit.sql") == true)
    let empty = try await TestDatabase.empty()
    #expect(try await DoctorProcess.on(empty.url)["migrations"]?.status == "fail")
    await empty.drop()
  }

  @Test("A database that a newer version has migrated is in order")
  func newerMigration() async throws {
    let run = try await DoctorProcess.after(
      """
      INSERT INTO keymeter_home.schema_migrations (version, name, checksum) VALUES (9999, '9999_newer.sql', 'x');
      UPDATE keymeter_home.schema_functions SET checksum = 'x' WHERE name = 'admit.sql'
      """)
    #expect(run["migrations"]?.status == "ok" && run["migrations"]?.found.contains("9999_newer.sql") == true)
    #expect(run["functions"]?.status == "ok")
  }

  @Test("An object that differs from the recorded schema fails by name", arguments: Drift.all)
  func drift(_ drift: Drift) async throws {
    let run = try await DoctorProcess.after(drift.sql)
    #expect(run[drift.check]?.status == drift.status, "\(run.text)")
    #expect(run[drift.check]?.found.contains(drift.object) == true, "\(run.text)")
  }

  @Test("Settings that change how definitions are printed don't look like changes")
  func printing() async throws {
    let run = try await DoctorProcess.after(
      """
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET quote_all_identifiers = on', current_database());
        EXECUTE format('ALTER DATABASE %I SET search_path = keymeter, public', current_database());
      END $$
      """)
    for name in ["schema", "functions", "key-facts", "audit-log", "row-level-security"] {
      #expect(run[name]?.status == "ok", "\(run.text)")
    }
  }

  @Test("A change stays reported when `migrate` has nothing to apply, until its record is deleted")
  func acceptedChange() async throws {
    try await TestDatabase.withMigrated { database in
      try await Self.run(
        "CREATE FUNCTION keymeter.extra() RETURNS int LANGUAGE sql AS 'SELECT 1'", on: database)
      let url = try await database.url(as: .server)
      try await database.withPool { pool in _ = try await Migrator(pool: pool).migrate() }
      #expect(try await DoctorProcess.on(url)["functions"]?.status == "fail")
      try await Self.run("DELETE FROM keymeter_home.schema_objects", on: database)
      let unrecorded = try await DoctorProcess.on(url)
      #expect(unrecorded["schema"]?.status == "warn" && unrecorded["functions"]?.status == "skip")
      try await database.withPool { pool in _ = try await Migrator(pool: pool).migrate() }
      #expect(try await DoctorProcess.on(url)["functions"]?.status == "ok")
    }
  }

  @Test(
    "Secrets that differ from their keys fail with their number, whichever column differs",
    arguments: [
      ("environment", "'STAGING'"), ("scopes", "'{x}'"), ("usage_limit", "7"), ("monthly_token_limit", "7"),
      ("monthly_stt_secs_limit", "7"), ("expires_at", "now() + interval '1 day'"), ("revoked_at", "now()"),
      ("allowed_cidrs", "'{192.0.2.0/24}'"),
    ])
  func staleSecrets(column: String, value: String) async throws {
    try await TestDatabase.withMigrated { database in
      for provider in ["clinic", "other"] { _ = try await Node.organisation(provider, on: database) }
      let url = try await database.url(as: .server)
      try await Self.run(
        "SET session_replication_role = replica; UPDATE keymeter.api_keys SET \(column) = \(value)",
        on: database)
      let stale = try await DoctorProcess.on(url)["key-facts"]
      #expect(stale?.status == "fail" && stale?.found.hasPrefix("2 ") == true)
      try await Self.run("UPDATE keymeter.api_key_secrets SET scopes = scopes", on: database)
      #expect(try await DoctorProcess.on(url)["key-facts"]?.status == "ok")
    }
  }

  @Test("Missing partitions are named with the session that blocks them, but not with its query")
  func partitions() async throws {
    try await TestDatabase.withMigrated { database in
      try await Self.run(Self.dropPartition(ahead: 3), on: database)
      let url = try await database.url(as: .server)
      try await Self.withAnalyst(on: database) { pid in
        // The server's login may not see when another login's transaction began.
        let run = try await DoctorProcess.on(url)
        let partitions = try #require(run["partitions"])
        #expect(
          partitions.status == "warn" && partitions.found.contains("pid \(pid) (\"test_login_analyst\""))
        #expect(partitions.advice?.contains("pg_terminate_backend(\(pid))") == true)
        let superuser = try await DoctorProcess.on(database.url)
        #expect(superuser["partitions"]?.found.contains(/since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) == true)
        #expect(!(run.text + superuser.text).contains("4711"))
        await #expect(throws: PostgresError.self) { try await Self.run(Self.createPartitions, on: database) }
      }
      let unblocked = try #require(try await DoctorProcess.on(url)["partitions"])
      #expect(unblocked.status == "warn" && !unblocked.found.contains("pid "))
      try await Self.run(Self.createPartitions, on: database)
      #expect(try await DoctorProcess.on(url)["partitions"]?.status == "ok")
    }
  }

  @Test("A prepared transaction that blocks partitions is named, with the statement that ends it")
  func prepared() async throws {
    try await TestDatabase.withMigrated { database in
      try await Self.run(Self.dropPartition(ahead: 3), on: database)
      let gid = "it''s \(database.name)"
      try await Self.run(
        "BEGIN; SELECT 4711 FROM reporting.daily_usage LIMIT 1; PREPARE TRANSACTION '\(gid)'", on: database)
      let url = try await database.url(as: .server)
      let run: Result<DoctorProcess, any Error>
      do { run = .success(try await DoctorProcess.on(url)) } catch { run = .failure(error) }
      // A database with a prepared transaction can't be dropped.
      try await Self.run("ROLLBACK PREPARED '\(gid)'", on: database)
      let partitions = try #require(try run.get()["partitions"])
      #expect(partitions.found.contains("'\(gid)'"), "\(partitions)")
      #expect(partitions.advice?.contains("ROLLBACK PREPARED '\(gid)'") == true, "\(partitions)")
    }
  }

  @Test("A check that waits too long for a lock fails, and the remaining checks still run")
  func lockedTable() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let change = try await pool.withTransaction { reader in
          try await reader.executeScript("SELECT FROM keymeter.reservations LIMIT 1")
          let change = Task {
            try await Self.run(
              "BEGIN; LOCK TABLE keymeter.reservations IN ACCESS EXCLUSIVE MODE; COMMIT", on: database)
          }
          try await CounterLock.waiters(1, on: pool)
          let run = try await DoctorProcess.on(try await database.url(as: .server))
          let schema = try #require(run["schema"])
          #expect(schema.status == "fail" && schema.advice?.contains("pg_locks") == true, "\(schema)")
          #expect(run["row-level-security"]?.status == "skip")
          #expect(run["clock"]?.status == "ok" && run["pepper-keys"]?.status == "ok")
          return change
        }
        try await change.value
      }
    }
  }

  @Test("A pepper with other bytes fails, and so does a missing one that keys need, with the number of keys")
  func peppers() async throws {
    try await TestDatabase.withMigrated { database in
      _ = try await Node.organisation("first", on: database)
      _ = try await Node.organisation("second", on: database)
      let url = try await database.url(as: .server)
      let unknown = try await DoctorProcess.on(url, ["KEYMETER_PEPPERS": "new:\(Self.other)"])
      #expect(unknown["peppers"]?.status == "ok")
      #expect(unknown["pepper-keys"]?.status == "fail")
      #expect(unknown["pepper-keys"]?.found.hasSuffix("test (2 keys)") == true)
      // A server records its pepper when it starts.
      let node = try await Node.start(databaseURL: url)
      await node.process.discard()
      let wrong = try await DoctorProcess.on(url, ["KEYMETER_PEPPERS": "test:\(Self.other)"])
      #expect(wrong["peppers"]?.status == "fail" && wrong.code == 1)
      let both = try await DoctorProcess.on(url, ["KEYMETER_PEPPERS": "new:\(Self.other),\(Node.peppers)"])
      #expect(
        both["peppers"]?.status == "ok" && both["pepper-keys"]?.found.hasSuffix("test active 2") == true)
    }
  }

  private static let other = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="
  private static let createPartitions = "SELECT keymeter.ensure_usage_partitions(3)"
  private static let backend = Statement("test_backend", "SELECT pg_catalog.pg_backend_pid() AS pid")

  private static func dropPartition(ahead: Int) -> String {
    """
    DO $$ BEGIN
      EXECUTE 'DROP TABLE keymeter.usage_daily_'
        || to_char((now() AT TIME ZONE 'UTC') + interval '\(ahead) months', 'YYYY_MM');
    END $$
    """
  }

  private static func run(_ sql: String, on database: TestDatabase) async throws {
    try await database.withPool { pool in try await pool.withConnection { try await $0.executeScript(sql) } }
  }

  /// Runs `body` with the process id of an analyst's session that has read daily usage in an open transaction.
  private static func withAnalyst(
    on database: TestDatabase, _ body: @Sendable (Int32) async throws -> Void
  ) async throws {
    try await ConnectionPool.with(url: try await database.url(as: .analyst), maximumConnections: 1) { pool in
      try await pool.withTransaction { analyst in
        try await analyst.executeScript("SELECT 4711 FROM reporting.daily_usage LIMIT 1")
        let row = try #require(try await analyst.execute(backend).rows.first)
        try await body(row.decode("pid", as: Int32.self))
      }
    }
  }
}

/// A change of the schema that doctor must find.
struct Drift: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let sql: String
  let check: String
  /// What the finding names.
  let object: String
  let status: String

  private init(_ check: String, _ object: String, status: String = "fail", _ sql: String) {
    testDescription = "\(check): \(sql.prefix(60))"
    self.sql = sql
    self.check = check
    self.object = object
    self.status = status
  }

  static let all = functions + triggers + rowSecurity + others

  private static let functions = [
    Drift(
      "functions", "keymeter.month_of(day date) was changed",
      """
      CREATE OR REPLACE FUNCTION keymeter.month_of(day date) RETURNS date
      LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC SELECT day; END
      """),
    Drift(
      "functions", "keymeter.month_of(day timestamp without time zone) was added",
      "CREATE FUNCTION keymeter.month_of(day timestamp) RETURNS date LANGUAGE sql AS 'SELECT day::date'"),
    Drift("functions", "keymeter.key_owner", "ALTER FUNCTION keymeter.key_owner SECURITY INVOKER"),
    Drift("functions", "keymeter.key_owner", "ALTER FUNCTION keymeter.key_owner SET search_path = public"),
    Drift("functions", "keymeter.key_owner", "ALTER FUNCTION keymeter.key_owner OWNER TO CURRENT_USER"),
    Drift("functions", "keymeter.admit", "ALTER FUNCTION keymeter.admit IMMUTABLE"),
    Drift(
      "functions", "keymeter.total(bigint) was added",
      "CREATE AGGREGATE keymeter.total(bigint) (SFUNC = pg_catalog.int8pl, STYPE = bigint, INITCOND = '0')"),
  ]

  private static let copy = "api_key_secrets_copy_key_columns"
  private static let propagate = "api_keys_propagate_key_columns"
  private static let appendOnly = "audit_log_is_append_only"

  /// An `=` that is always true.
  ///
  /// Definitions with NULLIF and IS DISTINCT FROM look the same with it.
  private static let decoyOperator = """
    CREATE FUNCTION public.always(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.always);
    SET search_path = public, pg_catalog;

    """

  private static let triggers = [
    Drift("key-facts", propagate, "ALTER TABLE keymeter.api_keys DISABLE TRIGGER \(propagate)"),
    Drift("key-facts", copy, "ALTER TABLE keymeter.api_key_secrets ENABLE REPLICA TRIGGER \(copy)"),
    Drift("key-facts", "\(copy) is missing", "DROP TRIGGER \(copy) ON keymeter.api_key_secrets"),
    Drift(
      "key-facts", propagate,
      """
      CREATE OR REPLACE TRIGGER \(propagate) AFTER UPDATE ON keymeter.api_keys FOR EACH ROW
      WHEN (OLD.usage_limit IS DISTINCT FROM NEW.usage_limit) EXECUTE FUNCTION keymeter.propagate_key_columns()
      """),
    Drift(
      "key-facts", propagate,
      decoyOperator + """
        CREATE OR REPLACE TRIGGER \(propagate) AFTER UPDATE ON keymeter.api_keys FOR EACH ROW WHEN (
          (OLD.environment, OLD.scopes, OLD.usage_limit, OLD.monthly_token_limit, OLD.monthly_stt_secs_limit,
           OLD.expires_at, OLD.revoked_at, OLD.allowed_cidrs)
          IS DISTINCT FROM
          (NEW.environment, NEW.scopes, NEW.usage_limit, NEW.monthly_token_limit, NEW.monthly_stt_secs_limit,
           NEW.expires_at, NEW.revoked_at, NEW.allowed_cidrs)) EXECUTE FUNCTION keymeter.propagate_key_columns()
        """),
    Drift(
      "key-facts", "keymeter.api_key_secrets.nothing was added",
      "CREATE RULE nothing AS ON UPDATE TO keymeter.api_key_secrets DO INSTEAD NOTHING"),
    Drift("audit-log", appendOnly, "ALTER TABLE keymeter.audit_log DISABLE TRIGGER \(appendOnly)"),
    Drift("audit-log", "\(appendOnly) is missing", "DROP TRIGGER \(appendOnly) ON keymeter.audit_log"),
    Drift(
      "audit-log", "hide was added", "CREATE RULE hide AS ON INSERT TO keymeter.audit_log DO INSTEAD NOTHING"),
  ]

  private static let rowSecurity = [
    Drift(
      "row-level-security", "keymeter.api_keys", "ALTER TABLE keymeter.api_keys DISABLE ROW LEVEL SECURITY"),
    Drift(
      "row-level-security", "keymeter.usage_daily_YYYY_MM",
      """
      DO $$ BEGIN
        EXECUTE 'ALTER TABLE keymeter.usage_daily_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')
          || ' DISABLE ROW LEVEL SECURITY';
      END $$
      """),
    Drift("row-level-security", "audit_log.tenant is missing", "DROP POLICY tenant ON keymeter.audit_log"),
    Drift(
      "row-level-security", "api_keys.leak was added", "CREATE POLICY leak ON keymeter.api_keys USING (true)"),
    Drift(
      "row-level-security", "reservations.tenant",
      "ALTER POLICY tenant ON keymeter.reservations WITH CHECK (true)"),
    Drift(
      "row-level-security", "usage_daily.tenant",
      "ALTER POLICY tenant ON keymeter.usage_daily TO keymeter_app, keymeter_reporting"),
    Drift(
      "row-level-security", "api_keys.tenant",
      decoyOperator + """
        DROP POLICY tenant ON keymeter.api_keys;
        CREATE POLICY tenant ON keymeter.api_keys TO keymeter_app USING (organisation_id OPERATOR(pg_catalog.=)
          nullif(pg_catalog.current_setting('keymeter.organisation_id', true), ''))
        """),
  ]

  private static let others = [
    Drift("schema", "PUBLIC on keymeter", "GRANT CREATE ON SCHEMA keymeter TO PUBLIC"),
    Drift(
      "schema", "keymeter_app on keymeter.reservations",
      "GRANT TRIGGER ON keymeter.reservations TO keymeter_app"),
    Drift(
      "schema", "keymeter_reporting on keymeter.organisations.name",
      "GRANT SELECT (name) ON keymeter.organisations TO keymeter_reporting"),
    Drift(
      "schema", "test_login_analyst on keymeter.api_keys", status: "warn",
      "GRANT SELECT ON keymeter.api_keys TO test_login_analyst"),
    Drift(
      "schema", "keymeter.usage_monthly.usage_monthly_pkey",
      "ALTER TABLE keymeter.usage_monthly DROP CONSTRAINT usage_monthly_pkey CASCADE"),
    Drift("schema", "keymeter.api_keys.scopes", "ALTER TABLE keymeter.api_keys ALTER scopes DROP NOT NULL"),
    Drift(
      "schema", "keymeter.reservations.undo",
      """
      CREATE FUNCTION public.undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER undo BEFORE UPDATE ON keymeter.reservations FOR EACH ROW EXECUTE FUNCTION public.undo()
      """),
  ]
}
