import KeymeterOps
import KeymeterTesting
import Postgres
import Testing

@Suite("keymeter doctor: roles, schema and peppers", .timeLimit(.minutes(10)))
struct DoctorSchemaTests {
  @Test("A login that the policies don't bind is a warning, one that must not serve a failure")
  func logins() async throws {
    try await TestDatabase.withMigrated { database in
      let superuser = try await DoctorProcess.on(database.url)
      #expect(superuser["role"]?.status == "warn")
      #expect(superuser["role"]?.found.contains("row-level security doesn't bind the login") == true)
      for (login, words) in [
        (TestDatabase.Login.bypassing, "has BYPASSRLS"),
        (.stranger, "lacks the rights of keymeter_app"),
      ] {
        let run = try await DoctorProcess.on(try await database.url(as: login))
        #expect(run["role"]?.status == "fail" && run["role"]?.found.contains(words) == true, "\(run.text)")
        #expect(run.code == 1)
      }
      let stranger = try await DoctorProcess.on(try await database.url(as: .stranger))
      #expect(stranger["migrations"]?.status == "skip" && stranger["peppers"]?.status == "skip")
    }
  }

  @Test("A login that is the owner as well as the server is a warning")
  func owner() async throws {
    try await OwnCluster.with(logins: ["keymeter_both"]) { cluster in
      try await OwnCluster.run("GRANT keymeter_owner TO keymeter_both", on: cluster)
      let run = try await DoctorProcess.on(cluster.connectionURL(database: "keymeter", role: "keymeter_both"))
      #expect(run["role"]?.status == "warn")
      #expect(run["role"]?.found.hasSuffix("can become keymeter_owner") == true)
    }
  }

  @Test(
    "What a login has beside keymeter_app is a warning that names it, unless it only shows how PostgreSQL is doing"
  )
  func reach() async throws {
    try await OwnCluster.with(logins: ["keymeter_more"]) { cluster in
      let url = cluster.connectionURL(database: "keymeter", role: "keymeter_more")
      for (sql, words, undoing) in [
        (
          "GRANT keymeter_reporting TO keymeter_more", #"is a member of "keymeter_reporting""#,
          "REVOKE keymeter_reporting FROM keymeter_more"
        ),
        (
          #"CREATE ROLE "b"", (x" NOINHERIT; GRANT pg_signal_backend TO "b"", (x"; GRANT "b"", (x" TO keymeter_more"#,
          #"is a member of "b"", (x", "pg_signal_backend""#, #"DROP ROLE "b"", (x""#
        ),
        (
          "ALTER ROLE keymeter_more CREATEROLE CREATEDB", "has CREATEROLE, has CREATEDB",
          "ALTER ROLE keymeter_more NOCREATEROLE NOCREATEDB"
        ),
        (
          "ALTER DATABASE keymeter OWNER TO keymeter_more", "owns the database",
          "ALTER DATABASE keymeter OWNER TO postgres"
        ),
        (
          "GRANT SELECT ON keymeter.api_keys TO keymeter_more; GRANT SELECT (name) ON keymeter.organisations TO keymeter_more",
          "has rights of its own on api_keys, organisations",
          "REVOKE ALL ON keymeter.api_keys, keymeter.organisations FROM keymeter_more"
        ),
        ("GRANT pg_monitor TO keymeter_more", "", "SELECT 1"),
      ] {
        try await OwnCluster.run(sql, on: cluster)
        let role = try #require(try await DoctorProcess.on(url)["role"])
        if words.isEmpty {
          #expect(role.status == "ok", "\(role)")
        } else {
          #expect(
            role.status == "warn" && role.found == "the login keymeter_more, as keymeter_app, \(words)",
            "\(role)")
        }
        try await OwnCluster.run(undoing, on: cluster)
      }
    }
  }

  @Test("A keymeter_app that may do more in the schema than migrations let it is a failure")
  func excess() async throws {
    for (sql, words) in [
      ("GRANT CREATE ON SCHEMA keymeter TO keymeter_app", "can create in the schema keymeter"),
      ("GRANT CREATE ON SCHEMA keymeter TO PUBLIC", "can create in the schema keymeter"),
      ("GRANT TRIGGER ON keymeter.reservations TO keymeter_app", "can make triggers on reservations"),
      ("GRANT TRUNCATE ON keymeter.audit_log TO PUBLIC", "can alter the audit log: serve doesn't start"),
    ] {
      let role = try #require(try await DoctorProcess.after(sql)["role"])
      #expect(role.status == "fail" && role.found == "the database role keymeter_app \(words)", "\(role)")
    }
  }

  @Test(
    "A table whose tenants are not kept apart fails by its name",
    arguments: [
      (
        "ALTER TABLE keymeter.api_keys DISABLE ROW LEVEL SECURITY",
        "api_keys: row-level security is disabled"
      ),
      (
        "ALTER TABLE keymeter.usage_daily_default DISABLE ROW LEVEL SECURITY",
        "usage_daily_default: row-level"
      ),
      ("DROP POLICY tenant ON keymeter.audit_log", "audit_log: the tenant's policy is missing"),
      ("CREATE POLICY leak ON keymeter.api_keys USING (true)", "api_keys: the policy leak opens it"),
      (
        "CREATE POLICY leak ON keymeter.api_keys TO keymeter_app USING (true)",
        "api_keys: the policy leak opens it"
      ),
      (
        "ALTER POLICY tenant ON keymeter.api_keys USING (\(Self.ofTheTenant) OR true)",
        "api_keys: the policy tenant is another than the migrations'"
      ),
      (
        "ALTER POLICY tenant ON keymeter.reservations WITH CHECK (true)",
        "reservations: the policy tenant is another than the migrations'"
      ),
      (
        "ALTER POLICY tenant ON keymeter.usage_daily TO keymeter_app, keymeter_reporting",
        "usage_daily: the policy tenant is another than the migrations'"
      ),
      (
        "CREATE POLICY more ON keymeter.api_keys TO keymeter_app USING (\(Self.ofTheTenant) OR true)",
        "api_keys: the policy more opens it"
      ),
      (
        "CREATE POLICY less ON keymeter.api_keys AS RESTRICTIVE TO keymeter_app USING (false)",
        "api_keys: the policy less narrows it"
      ),
      (
        """
        \(DecoyOperator.sql)
        DROP POLICY tenant ON keymeter.api_keys;
        CREATE POLICY tenant ON keymeter.api_keys TO keymeter_app USING (organisation_id OPERATOR(pg_catalog.=)
          nullif(pg_catalog.current_setting('keymeter.organisation_id', true), ''))
        """,
        "api_keys: the policy tenant is another than the migrations'"
      ),
    ])
  func rowSecurity(sql: String, words: String) async throws {
    let run = try await DoctorProcess.after(sql)
    #expect(run["row-level-security"]?.status == "fail")
    #expect(run["row-level-security"]?.found.contains(words) == true, "\(run.text)")
  }

  private static let ofTheTenant =
    "organisation_id = nullif(pg_catalog.current_setting('keymeter.organisation_id', true), '')"

  @Test("A migration that is missing fails by its name, and what it would have made is skipped")
  func missingMigration() async throws {
    let run = try await DoctorProcess.after("DELETE FROM keymeter_home.schema_migrations WHERE version = 8")
    #expect(run["migrations"]?.status == "fail")
    #expect(run["migrations"]?.found == "0008_isolate_tenants.sql not applied")
    #expect(run["row-level-security"]?.status == "skip" && run["peppers"]?.status == "skip")
    let changed = try await DoctorProcess.after(
      "UPDATE keymeter_home.schema_migrations SET checksum = 'x' WHERE version = 3")
    #expect(changed["migrations"]?.found.hasSuffix("changed after being applied") == true)
    let empty = try await TestDatabase.empty()
    #expect(try await DoctorProcess.on(empty.url)["migrations"]?.status == "fail")
    await empty.drop()
  }

  @Test("A database that a newer version has migrated is in order")
  func newerMigration() async throws {
    let run = try await DoctorProcess.after(
      "INSERT INTO keymeter_home.schema_migrations (version, name, checksum) VALUES (9999, '9999_newer.sql', 'x')"
    )
    #expect(run["migrations"]?.status == "ok" && run["migrations"]?.found.contains("9999_newer.sql") == true)
    #expect(run["functions"]?.found == "those of a newer version")
  }

  @Test("A function that was not applied, or that somebody has changed by hand, fails by its name")
  func functions() async throws {
    let outdated = try await DoctorProcess.after(
      "UPDATE keymeter_home.schema_functions SET checksum = 'x' WHERE name = 'admit.sql'")
    #expect(outdated["functions"]?.found == "admit.sql not applied")
    let altered = try await DoctorProcess.after(
      """
      DO $$ DECLARE definition text; BEGIN
        SELECT replace(pg_get_functiondef(p.oid), p.prosrc, p.prosrc || ' ') INTO definition
        FROM pg_proc AS p WHERE p.oid = 'keymeter.month_of(date)'::regprocedure;
        EXECUTE definition;
      END $$
      """)
    #expect(altered["functions"]?.status == "fail")
    #expect(altered["functions"]?.found == "somebody has changed month_of")
  }

  @Test(
    "A trigger that keeps the facts of keys and is off, missing or another one fails by its name",
    arguments: KeyFactDeviation.all)
  func keyFacts(_ deviation: KeyFactDeviation) async throws {
    let run = try await DoctorProcess.after(deviation.sql)
    #expect(run["key-facts"]?.status == "fail" && run.code == 1)
    #expect(run["key-facts"]?.found.hasPrefix("\(deviation.fault): a limit that") == true, "\(run.text)")
  }

  @Test(
    "Secrets that are judged by other facts than their keys have fail by their number, whatever fact it is")
  func differingKeyFacts() async throws {
    for (fact, value) in [
      ("environment", "'STAGING'"), ("scopes", "'{x}'"), ("usage_limit", "7"), ("monthly_token_limit", "7"),
      ("monthly_stt_secs_limit", "7"), ("expires_at", "now() + interval '1 day'"), ("revoked_at", "now()"),
      ("allowed_cidrs", "'{192.0.2.0/24}'"),
    ] {
      try await TestDatabase.withMigrated { database in
        for provider in ["clinic", "other"] { _ = try await Node.organisation(provider, on: database) }
        let url = try await database.url(as: .server)
        #expect(try await DoctorProcess.on(url)["key-facts"]?.status == "ok")
        try await Self.run(
          """
          SET session_replication_role = replica;
          UPDATE keymeter.api_keys SET \(fact) = \(value);
          """, on: database)
        let found = try await DoctorProcess.on(url)["key-facts"]
        #expect(found?.status == "fail", "\(fact)")
        #expect(
          found?.found == "2 secrets are judged by other facts than their keys' records have", "\(fact)")
        try await Self.run("UPDATE keymeter.api_key_secrets SET scopes = scopes", on: database)
        #expect(try await DoctorProcess.on(url)["key-facts"]?.status == "ok", "\(fact)")
      }
    }
  }

  @Test("A newer version may have made what keeps the facts of keys otherwise, and not without it or off")
  func newerKeyFacts() async throws {
    let otherwise = try await DoctorProcess.after(
      Self.newer + """
        CREATE OR REPLACE FUNCTION keymeter.propagate_key_columns() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER newer AFTER DELETE ON keymeter.api_keys
        FOR EACH ROW EXECUTE FUNCTION keymeter.propagate_key_columns()
        """)
    #expect(
      otherwise["key-facts"]?.status == "ok" && otherwise["key-facts"]?.found == "those of a newer version")
    let without = try await DoctorProcess.after(
      Self.newer + """
        DROP TRIGGER api_key_secrets_copy_key_columns ON keymeter.api_key_secrets;
        ALTER TABLE keymeter.api_keys DISABLE TRIGGER api_keys_propagate_key_columns
        """)
    #expect(without["key-facts"]?.status == "fail")
    let words =
      "api_key_secrets_copy_key_columns is missing; api_keys_propagate_key_columns is off: a limit that"
    #expect(without["key-facts"]?.found.hasPrefix(words) == true, "\(without.text)")
  }

  private static let newer = """
    INSERT INTO keymeter_home.schema_migrations (version, name, checksum) VALUES (9999, '9999_newer.sql', 'x');

    """

  @Test("Months without a partition are named")
  func partitions() async throws {
    let next = try await DoctorProcess.after(Self.dropping(ahead: 2))
    #expect(next["partitions"]?.status == "warn")
    #expect(next["partitions"]?.found.wholeMatch(of: /usage_daily has none for \d{4}-\d{2}/) != nil)
    let current = try await DoctorProcess.after(Self.dropping(ahead: 0))
    #expect(current["partitions"]?.found.hasSuffix("this month's usage goes to the default one") == true)
  }

  @Test("Whoever is in the way of a month that is missing is named, and not what that session runs")
  func obstacle() async throws {
    try await TestDatabase.withMigrated { database in
      try await Self.run(Self.dropping(ahead: 3), on: database)
      try await Self.withAnalyst(on: database) { pid in
        // A login without further rights may not know since when somebody else's transaction is open.
        let run = try await DoctorProcess.on(try await database.url(as: .server))
        let partitions = try #require(run["partitions"])
        #expect(partitions.status == "warn")
        #expect(
          partitions.found.hasSuffix(
            "; in the way: pid \(pid) (\"test_login_analyst\", since when a member of pg_read_all_stats is told)"
          ),
          "\(run.text)")
        #expect(partitions.advice?.contains("SELECT pg_terminate_backend(\(pid)). ") == true)
        let superuser = try await DoctorProcess.on(database.url)
        let since =
          /.*; in the way: pid (\d+) \("test_login_analyst", since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)/
        let found = try #require(superuser["partitions"]?.found)
        #expect(found.wholeMatch(of: since)?.1 == "\(pid)", "\(superuser.text)")
        #expect(!(run.text + superuser.text).contains("4711"))
        await #expect(throws: PostgresError.self) { try await Self.run(Self.making, on: database) }
      }
      let run = try await DoctorProcess.on(try await database.url(as: .server))
      #expect(run["partitions"]?.found.wholeMatch(of: /usage_daily has none for \d{4}-\d{2}/) != nil)
      try await Self.run(Self.making, on: database)
      #expect(try await DoctorProcess.on(database.url)["partitions"]?.status == "ok")
    }
  }

  @Test("Whoever is waited for to change months is named, and where nobody waits nobody is")
  func waitedFor() async throws {
    try await TestDatabase.withMigrated { database in
      let change = try await Self.withAnalyst(on: database) { pid in
        #expect(try await DoctorProcess.on(database.url)["partitions"]?.status == "ok")
        let change = Task {
          try await Self.run(
            "BEGIN; LOCK TABLE keymeter.usage_daily IN ACCESS EXCLUSIVE MODE; COMMIT", on: database)
        }
        try await database.withPool { try await CounterLock.waiters(1, on: $0) }
        let partitions = try await DoctorProcess.on(try await database.url(as: .server))["partitions"]
        #expect(partitions?.status == "warn")
        let words = "further ones; whoever would change them waits for pid \(pid) (\"test_login_analyst\", "
        #expect(partitions?.found.contains(words) == true, "\(partitions?.found ?? "")")
        return change
      }
      try await change.value
    }
  }

  @Test("A prepared transaction that is in the way is named, waited for or not, with what ends it")
  func prepared() async throws {
    try await TestDatabase.withMigrated { database in
      try await Self.run(Self.dropping(ahead: 3), on: database)
      let gid = "it''s \(database.name)"
      try await Self.run(
        "BEGIN; SELECT 4711 FROM reporting.daily_usage LIMIT 1; PREPARE TRANSACTION '\(gid)'", on: database)
      do {
        try await expectPrepared(gid, in: database)
      } catch {
        // Else the database could not be dropped.
        try await Self.run("ROLLBACK PREPARED '\(gid)'", on: database)
        throw error
      }
      try await Self.run("ROLLBACK PREPARED '\(gid)'", on: database)
      try await Self.run(Self.making, on: database)
      #expect(try await DoctorProcess.on(try await database.url(as: .server))["partitions"]?.status == "ok")
    }
  }

  private func expectPrepared(_ gid: String, in database: TestDatabase) async throws {
    let url = try await database.url(as: .server)
    let run = try await DoctorProcess.on(url)
    let named =
      /.*; in the way: the prepared transaction '(.+)' \("[a-z]+", since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)/
    #expect(run["partitions"]?.found.wholeMatch(of: named)?.1 == gid[...], "\(run.text)")
    #expect(run["partitions"]?.advice?.contains(": ROLLBACK PREPARED '\(gid)' or COMMIT PREPARED") == true)
    let change = Task {
      try await Self.run(
        "BEGIN; SET LOCAL lock_timeout = '20s'; LOCK TABLE keymeter.usage_daily IN ACCESS EXCLUSIVE MODE; ROLLBACK",
        on: database)
    }
    defer { change.cancel() }
    try await database.withPool { try await CounterLock.waiters(1, on: $0) }
    let found = try await DoctorProcess.on(url)["partitions"]?.found ?? ""
    #expect(found.contains("the prepared transaction '\(gid)'"), "\(found)")
  }

  @Test(
    "A check that waits for somebody's lock until its time is over fails alone, and all that follow are made")
  func heldUp() async throws {
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
          let place = run.checks.firstIndex { $0.name == "row-level-security" } ?? 0
          let omitted = run.checks.suffix(from: place + 1).filter { $0.status == "skip" }
          #expect(omitted.isEmpty, "\(run.text)")
          #expect(run["clock"]?.status == "ok" && run["pepper-keys"]?.status == "ok")
          let security = run.checks[place]
          #expect(security.status == "fail" && security.advice?.contains("pg_locks") == true, "\(security)")
          return change
        }
        try await change.value
      }
    }
  }

  private static let making = "SELECT keymeter.ensure_usage_partitions(3)"
  private static let backend = Statement("test_backend", "SELECT pg_catalog.pg_backend_pid() AS pid")

  private static func run(_ sql: String, on database: TestDatabase) async throws {
    try await database.withPool { pool in try await pool.withConnection { try await $0.executeScript(sql) } }
  }

  /// Runs `body` while an analyst, whose process it is told, has looked at usage by day and left the transaction open.
  private static func withAnalyst<Output: Sendable>(
    on database: TestDatabase, _ body: @Sendable (Int32) async throws -> Output
  ) async throws -> Output {
    try await ConnectionPool.with(url: try await database.url(as: .analyst), maximumConnections: 1) { pool in
      try await pool.withTransaction { analyst in
        try await analyst.executeScript("SELECT 4711 FROM reporting.daily_usage LIMIT 1")
        let row = try #require(try await analyst.execute(backend).rows.first)
        return try await body(row.decode("pid", as: Int32.self))
      }
    }
  }

  @Test("Other bytes of a pepper fail, and so does one that is missing while keys need it, with their number")
  func peppers() async throws {
    try await TestDatabase.withMigrated { database in
      _ = try await Node.organisation("first", on: database)
      _ = try await Node.organisation("second", on: database)
      let url = try await database.url(as: .server)
      let unknown = try await DoctorProcess.on(url, ["KEYMETER_PEPPERS": "new:\(Self.other)"])
      #expect(unknown["peppers"]?.status == "ok")
      #expect(unknown["pepper-keys"]?.status == "fail")
      #expect(unknown["pepper-keys"]?.found.hasSuffix("test (2 keys)") == true)
      // A server makes its pepper known when it starts.
      let node = try await Node.start(databaseURL: url)
      await node.process.discard()
      let wrong = try await DoctorProcess.on(url, ["KEYMETER_PEPPERS": "test:\(Self.other)"])
      #expect(wrong["peppers"]?.status == "fail" && wrong.code == 1)
      #expect(wrong["peppers"]?.found.contains("other bytes under the id test ") == true)
      let both = try await DoctorProcess.on(url, ["KEYMETER_PEPPERS": "new:\(Self.other),\(Node.peppers)"])
      #expect(
        both["peppers"]?.status == "ok" && both["pepper-keys"]?.found == "keys by pepper: test active 2")
    }
  }

  private static let other = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="

  private static func dropping(ahead: Int) -> String {
    """
    DO $$ BEGIN
      EXECUTE 'DROP TABLE keymeter.usage_daily_'
        || to_char((now() AT TIME ZONE 'UTC') + interval '\(ahead) months', 'YYYY_MM');
    END $$
    """
  }
}
