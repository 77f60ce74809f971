import Postgres

/// The statements of the migrator.
enum MigrationStatements {
  static let all = [
    becomeOwner, ledgerExists, applied, recordMigration, functions, deferBodyChecks,
    recordFunction,
  ]

  /// Blocks other migrators on all nodes until the transaction ends, but no reader.
  ///
  /// It is not an advisory lock, because any login of the database could hold that and prevent a migration. Run it as a
  /// script: it can't be prepared.
  static let lock = "LOCK TABLE \(Schema.home).schema_migrations IN SHARE ROW EXCLUSIVE MODE"

  /// Restricts the search path until the transaction ends, so that nothing shadows PostgreSQL's functions and
  /// operators.
  ///
  /// A pooler may provide a session with another search path than the pool sets.
  static let restrictSearchPath = "SET LOCAL search_path = \(DatabaseRole.searchPath)"

  /// Makes keymeter_owner the owner of everything that the transaction creates.
  ///
  /// It has no effect before migration 0001 has created the role, nor for the server, which reads the schema's state as
  /// keymeter_app.
  static let becomeOwner = Statement(
    "migration_become_owner",
    """
    SELECT pg_catalog.set_config('role', r.rolname, true) AS role
    FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
    WHERE n.nspname = '\(Schema.home)' AND r.rolname = 'keymeter_owner' AND current_user = session_user
      AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
    """)

  /// Creates the ledgers, before any migration.
  ///
  /// Run it as a script. If two sessions create them at once, one waits for the other at the catalogue's indexes and then
  /// fails because they exist.
  static let createLedger = """
    CREATE SCHEMA IF NOT EXISTS \(Schema.home);
    CREATE TABLE IF NOT EXISTS \(Schema.home).schema_migrations (
      version integer NOT NULL,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)
    );
    CREATE TABLE IF NOT EXISTS \(Schema.home).schema_functions (
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT schema_functions_pkey PRIMARY KEY (name)
    );
    """

  /// Deletes the record of the schema in the transaction that changes it, so that an interrupted migrator records it later.
  ///
  /// Run it as a script. The table doesn't exist before its own migration.
  static let forgetSchema = """
    DO $$ BEGIN
      IF pg_catalog.to_regclass('\(Schema.home).schema_objects') IS NOT NULL THEN
        DELETE FROM \(Schema.home).schema_objects;
      END IF;
    END $$
    """

  /// Records the schema unless it is recorded.
  ///
  /// Has no effect for a login that can only read the ledgers.
  ///
  /// Run it as a script.
  static let recordSchema = """
    DO $$ BEGIN
      IF pg_catalog.has_table_privilege(pg_catalog.to_regclass('\(Schema.home).schema_objects'), 'INSERT') THEN
        IF NOT EXISTS (SELECT FROM \(Schema.home).schema_objects) THEN
          \(lock);
          INSERT INTO \(Schema.home).schema_objects (kind, name, hash)
          SELECT o.kind, o.name, o.hash FROM \(Schema.home).current_schema_objects() AS o
          WHERE NOT EXISTS (SELECT FROM \(Schema.home).schema_objects);
        END IF;
      END IF;
    END $$
    """

  static let ledgerExists = Statement(
    "migration_ledger_exists",
    """
    SELECT pg_catalog.to_regclass('\(Schema.home).schema_migrations') IS NOT NULL
      AND pg_catalog.to_regclass('\(Schema.home).schema_functions') IS NOT NULL AS found
    """)

  static let applied = Statement(
    "migration_applied",
    "SELECT version, name, checksum, applied_at FROM \(Schema.home).schema_migrations ORDER BY version")

  static let recordMigration = Statement(
    "migration_record",
    "INSERT INTO \(Schema.home).schema_migrations (version, name, checksum) VALUES ($1, $2, $3)")

  /// Lets functions call functions of later files.
  static let deferBodyChecks = Statement(
    "migration_defer_body_checks",
    "SELECT pg_catalog.set_config('check_function_bodies', 'off', true) AS deferred")

  static let functions = Statement(
    "migration_functions",
    "SELECT name, checksum FROM \(Schema.home).schema_functions ORDER BY name")

  static let recordFunction = Statement(
    "migration_record_function",
    """
    INSERT INTO \(Schema.home).schema_functions (name, checksum) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now()
    """)
}
