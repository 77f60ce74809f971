import KeymeterRepository
import Postgres

/// The privileges of the login and its role beyond what a server needs.
///
/// Not fatal, unlike the findings of ``ServerRoleCheck``: excess privileges matter only after SQL injection.
/// `keymeter doctor` warns.
struct ExcessPrivileges: Sendable, Equatable {
  /// The roles that the login is a member of, except `keymeter_app` and roles that only read statistics and
  /// settings.
  let memberships: [String]
  /// Whether the login may create and alter roles (`CREATEROLE`).
  let createsRoles: Bool
  /// Whether the login may create databases (`CREATEDB`).
  let createsDatabases: Bool
  /// Whether the login owns the database.
  let ownsDatabase: Bool
  /// Keymeter's tables that the login owns or has direct grants on.
  let granted: [String]
  /// Whether `keymeter_app` can create objects in the schema `keymeter`, which the owner's functions search.
  let appCreates: Bool
  /// Keymeter's tables on which `keymeter_app` can create triggers, which run with the writer's privileges.
  let appTriggers: [String]

  /// Queries the database.
  ///
  /// - Throws: `PostgresError`.
  static func current(on pool: ConnectionPool) async throws -> ExcessPrivileges {
    try await pool.withConnection { try ExcessPrivileges(try await $0.row(of: reach, [])) }
  }

  private init(_ row: Row) throws {
    memberships = try row.decode("memberships", as: [String].self)
    createsRoles = try row.decode("creates_roles", as: Bool.self)
    createsDatabases = try row.decode("creates_databases", as: Bool.self)
    ownsDatabase = try row.decode("owns_database", as: Bool.self)
    granted = try row.decode("granted", as: [String].self)
    appCreates = try row.decode("app_creates", as: Bool.self)
    appTriggers = try row.decode("app_triggers", as: [String].self)
  }

  /// The login's privileges beyond its membership of `keymeter_app`, and that role's privileges beyond the
  /// migrations' grants.
  ///
  /// A login appears in an ACL only if it was granted something directly. Only the predefined monitoring
  /// roles are harmless. If the login is `keymeter_app` itself, its grants don't count as excess.
  static let reach = Statement(
    "role_reach",
    """
    SELECT l.rolcreaterole AS creates_roles, l.rolcreatedb AS creates_databases, d.datdba = l.oid AS owns_database,
      ARRAY(
        SELECT m.rolname::text FROM pg_catalog.pg_roles AS m
        WHERE m.oid <> l.oid AND pg_catalog.pg_has_role(l.oid, m.oid, 'MEMBER')
          AND m.rolname <> ALL (ARRAY[
            'keymeter_app', 'pg_monitor', 'pg_read_all_stats', 'pg_read_all_settings', 'pg_stat_scan_tables',
            -- Membership through ownership of the database, reported as owns_database.
            'pg_database_owner']::name[])
        ORDER BY 1) AS memberships,
      ARRAY(
        SELECT c.relname::text FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v') AND l.rolname <> 'keymeter_app'
          AND (c.relowner = l.oid
            OR EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) AS g WHERE g.grantee = l.oid)
            OR EXISTS (
              SELECT FROM pg_catalog.pg_attribute AS a CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g
              WHERE a.attrelid = c.oid AND g.grantee = l.oid))
        ORDER BY 1) AS granted,
      coalesce(pg_catalog.has_schema_privilege(app.oid, n.oid, 'CREATE'), false) AS app_creates,
      ARRAY(
        SELECT c.relname::text FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v')
          AND pg_catalog.has_table_privilege(app.oid, c.oid, 'TRIGGER')
        ORDER BY 1) AS app_triggers
    FROM pg_catalog.pg_roles AS l
    JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
    LEFT JOIN pg_catalog.pg_roles AS app ON app.rolname = 'keymeter_app'
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'keymeter'
    WHERE l.rolname = session_user
    """)
}
