import Postgres

/// What the migrator asks of the database.
///
/// `CREATE … IF NOT EXISTS` makes each of them safe to repeat.
enum MigrationStatements {
  static let all = [
    becomeOwner, ledgerExists, applied, recordMigration, functions, deferBodyChecks,
    recordFunction,
  ]

  /// Holds every other migrator off until the transaction ends, on whichever node it runs; nobody is kept from reading.
  ///
  /// No advisory lock, which whoever may log in to the database could hold, and so keep it from being migrated. Run as a
  /// script: it can't be prepared.
  static let lock = "LOCK TABLE keymeter.schema_migrations IN SHARE ROW EXCLUSIVE MODE"

  /// Until the transaction ends, so that nothing is run, or bound to, in the place of PostgreSQL's own.
  ///
  /// Somebody else may have made a function or an operator in a schema of the login's search path; and behind a pooler that
  /// of the connection is not ours.
  static let trustNoSchema = "SET LOCAL search_path = \(DatabaseRole.searchPath)"

  /// Until the transaction ends, so that what it makes belongs to keymeter_owner, whoever logged in.
  ///
  /// Only where the schema belongs to it already, as it does from 0009 on, and only for a login that acts as itself:
  /// the server, which has become keymeter_app, asks for the state of the schema as that.
  static let becomeOwner = Statement(
    "migration_become_owner",
    """
    SELECT pg_catalog.set_config('role', r.rolname, true) AS role
    FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
    WHERE n.nspname = 'keymeter' AND r.rolname = 'keymeter_owner' AND current_user = session_user
      AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
    """)

  /// The ledger itself can't be a migration.
  ///
  /// Run as a script, before anything else. Of two sessions that make it at once one waits for the other by the catalogue's
  /// own indexes, and is told then that it is there.
  static let createLedger = """
    CREATE SCHEMA IF NOT EXISTS keymeter;
    CREATE TABLE IF NOT EXISTS keymeter.schema_migrations (
      version integer NOT NULL,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)
    );
    CREATE TABLE IF NOT EXISTS keymeter.schema_functions (
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT schema_functions_pkey PRIMARY KEY (name)
    );
    """

  static let ledgerExists = Statement(
    "migration_ledger_exists",
    """
    SELECT pg_catalog.to_regclass('keymeter.schema_migrations') IS NOT NULL
      AND pg_catalog.to_regclass('keymeter.schema_functions') IS NOT NULL AS found
    """)

  static let applied = Statement(
    "migration_applied",
    "SELECT version, name, checksum, applied_at FROM keymeter.schema_migrations ORDER BY version")

  static let recordMigration = Statement(
    "migration_record",
    "INSERT INTO keymeter.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)")

  /// Functions may call each other, whichever file comes first.
  static let deferBodyChecks = Statement(
    "migration_defer_body_checks",
    "SELECT pg_catalog.set_config('check_function_bodies', 'off', true) AS deferred")

  static let functions = Statement(
    "migration_functions",
    "SELECT name, checksum FROM keymeter.schema_functions ORDER BY name")

  static let recordFunction = Statement(
    "migration_record_function",
    """
    INSERT INTO keymeter.schema_functions (name, checksum) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now()
    """)
}
