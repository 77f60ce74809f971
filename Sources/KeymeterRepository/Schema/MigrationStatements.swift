import Postgres

/// The migrator's statements.
///
/// `CREATE … IF NOT EXISTS` makes each of them safe to repeat.
enum MigrationStatements {
  static let all = [
    becomeOwner, ledgerExists, applied, recordMigration, functions, deferBodyChecks,
    recordFunction,
  ]

  /// Blocks other migrators until the transaction ends, on any node, but not readers.
  ///
  /// Not an advisory lock, because any login could hold one and so block migration. Run as a script, because
  /// it can't be prepared.
  static let lock = "LOCK TABLE keymeter.schema_migrations IN SHARE ROW EXCLUSIVE MODE"

  /// Restricts the search path until the transaction ends, so that nothing shadows PostgreSQL's own functions
  /// and operators.
  ///
  /// Other users may create objects in a schema of the login's search path, and behind a pooler the
  /// connection's search path is not ours.
  static let restrictSearchPath = "SET LOCAL search_path = \(DatabaseRole.searchPath)"

  /// Switches to keymeter_owner until the transaction ends, so that it owns all new objects.
  ///
  /// Only if that role already owns the schema, and only if the login acts as itself: the server, which has
  /// switched to keymeter_app, reads the schema's state in that role.
  static let becomeOwner = Statement(
    "migration_become_owner",
    """
    SELECT pg_catalog.set_config('role', r.rolname, true) AS role
    FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
    WHERE n.nspname = 'keymeter' AND r.rolname = 'keymeter_owner' AND current_user = session_user
      AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
    """)

  /// Creates the migration ledger, which can't be a migration itself.
  ///
  /// Run as a script, before anything else. If two sessions create it at once, one waits on the catalogue's
  /// indexes and then fails because it exists.
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

  /// Functions may call each other, regardless of the order of files.
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
