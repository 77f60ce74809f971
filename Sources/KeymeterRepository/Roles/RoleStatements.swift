import Postgres

/// The statements that check a connection's role.
enum RoleStatements {
  static let all = [standing]

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
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = '\(Schema.cell)'
    LEFT JOIN pg_catalog.pg_class AS log ON log.relnamespace = n.oid AND log.relname = 'audit_log'
    WHERE r.rolname = current_user
    """)
}
