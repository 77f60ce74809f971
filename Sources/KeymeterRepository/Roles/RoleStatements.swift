import Postgres

/// The statements that check a connection's role.
enum RoleStatements {
  static let all = [standing, reach]

  /// Queries the catalogue, because looking up names fails for roles without access to the schema.
  ///
  /// Counts memberships whether inherited or not, because a role can switch to them.
  static let standing = Statement(
    "role_standing",
    """
    SELECT r.rolname::text AS role, l.rolname::text AS login, r.rolsuper AS is_superuser, r.rolbypassrls AS bypasses,
      (SELECT m.rolname::text FROM pg_catalog.pg_roles AS m
       WHERE (m.rolsuper OR m.rolbypassrls) AND pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER')
       ORDER BY m.rolname LIMIT 1) AS bypassing_role,
      coalesce(
        pg_catalog.pg_has_role(r.oid, log.relowner, 'MEMBER')
          OR pg_catalog.has_table_privilege(r.oid, log.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
          OR pg_catalog.has_any_column_privilege(r.oid, log.oid, 'UPDATE'), false) AS alters_audit_log,
      coalesce(pg_catalog.pg_has_role(r.oid, app.oid, 'USAGE'), false) AS is_app,
      coalesce(pg_catalog.pg_has_role(r.oid, owner.oid, 'USAGE'), false) AS is_owner,
      l.rolsuper OR l.rolbypassrls AS login_is_unbound,
      coalesce(pg_catalog.pg_has_role(l.oid, owner.oid, 'MEMBER'), false) AS login_can_own
    FROM pg_catalog.pg_roles AS r
    JOIN pg_catalog.pg_roles AS l ON l.rolname = session_user
    LEFT JOIN pg_catalog.pg_roles AS app ON app.rolname = 'keymeter_app'
    LEFT JOIN pg_catalog.pg_roles AS owner ON owner.rolname = 'keymeter_owner'
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'keymeter'
    LEFT JOIN pg_catalog.pg_class AS log ON log.relnamespace = n.oid AND log.relname = 'audit_log'
    WHERE r.rolname = current_user
    """)

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
