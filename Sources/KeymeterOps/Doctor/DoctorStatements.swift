import KeymeterRepository
import Postgres

/// The statements of `keymeter doctor`.
///
/// None changes anything, and most read only catalogues, which every login may.
enum DoctorStatements {
  static let host = Statement(
    "doctor_host",
    """
    SELECT pg_catalog.pg_is_in_recovery() AS is_standby, pg_catalog.pg_postmaster_start_time() AS start,
      pg_catalog.current_setting('default_transaction_read_only')::bool AS is_read_only
    """)

  static let connection = Statement(
    "doctor_connection",
    """
    SELECT pg_catalog.current_database()::text AS database, coalesce((
      SELECT s.ssl FROM pg_catalog.pg_stat_ssl AS s WHERE s.pid = pg_catalog.pg_backend_pid()), false) AS is_encrypted
    """)

  static let version = Statement(
    "doctor_version",
    """
    SELECT pg_catalog.current_setting('server_version') AS version,
      pg_catalog.current_setting('server_version_num')::int4 AS number
    """)

  static let clock = Statement("doctor_clock", "SELECT pg_catalog.clock_timestamp() AS now")

  static let settings = Statement(
    "doctor_settings",
    "SELECT s.name, s.setting, s.source FROM pg_catalog.pg_settings AS s WHERE s.name = ANY($1::text[])")

  static let standbys = Statement(
    "doctor_standbys",
    """
    SELECT pg_catalog.pg_is_in_recovery() AS is_standby,
      (SELECT count(*) FROM pg_catalog.pg_stat_replication) AS standbys
    """)

  /// PostgreSQL hides the kind of other roles' sessions, but only sessions of clients have both a database and a role.
  static let connections = Statement(
    "doctor_connections",
    """
    SELECT
      (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a
       WHERE a.datid IS NOT NULL AND a.usesysid IS NOT NULL) AS connections,
      (SELECT nullif(r.rolconnlimit, -1) FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user) AS login_limit,
      (SELECT nullif(d.datconnlimit, -1) FROM pg_catalog.pg_database AS d
       WHERE d.datname = pg_catalog.current_database()) AS database_limit
    """)

  /// What the login may do besides being a member of `keymeter_app`.
  ///
  /// Roles that only show statistics are harmless, and the owner of the database is reported as such.
  static let excessPrivileges = Statement(
    "doctor_excess_privileges",
    """
    SELECT l.rolcreaterole AS creates_roles, l.rolcreatedb AS creates_databases, d.datdba = l.oid AS owns_database,
      ARRAY(
        SELECT m.rolname::text FROM pg_catalog.pg_roles AS m
        WHERE m.oid <> l.oid AND pg_catalog.pg_has_role(l.oid, m.oid, 'MEMBER')
          AND m.rolname <> ALL (ARRAY[
            'keymeter_app', 'pg_monitor', 'pg_read_all_stats', 'pg_read_all_settings', 'pg_stat_scan_tables',
            'pg_database_owner']::name[])
        ORDER BY 1) AS memberships
    FROM pg_catalog.pg_roles AS l
    JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
    WHERE l.rolname = session_user
    """)

  static let schemaIsRecorded = Statement(
    "doctor_schema_is_recorded", "SELECT EXISTS (SELECT FROM \(Schema.home).schema_objects) AS found")

  static let schemaDrift = Statement(
    "doctor_schema_drift",
    """
    WITH recorded AS (SELECT o.kind, o.name, o.hash FROM \(Schema.home).schema_objects AS o),
      present AS (SELECT o.kind, o.name, o.hash FROM \(Schema.home).current_schema_objects() AS o),
      differing AS (
        (SELECT * FROM recorded EXCEPT SELECT * FROM present) UNION (SELECT * FROM present EXCEPT SELECT * FROM recorded)
      )
    SELECT DISTINCT d.kind, d.name,
      EXISTS (SELECT FROM recorded AS r WHERE r.kind = d.kind AND r.name = d.name) AS is_recorded,
      EXISTS (SELECT FROM present AS p WHERE p.kind = d.kind AND p.name = d.name) AS is_present
    FROM differing AS d ORDER BY 1, 2
    """)

  static let staleSecrets = Statement(
    "doctor_stale_secrets", "SELECT \(Schema.cell).stale_secret_count() AS secrets")

  /// The months without a partition of usage_daily, from the current one by PostgreSQL's clock to so many later ones.
  static let missingMonths = Statement(
    "doctor_missing_months",
    """
    SELECT pg_catalog.to_char(m.month, 'YYYY-MM') AS month, m.ahead = 0 AS is_current
    FROM (
      SELECT g.ahead, pg_catalog.date_trunc('month', pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')
        + pg_catalog.make_interval(months => g.ahead) AS month
      FROM pg_catalog.generate_series(0, $1::int4) AS g (ahead)
    ) AS m
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
      WHERE i.inhparent = '\(Schema.cell).usage_daily'::pg_catalog.regclass
        AND c.relname = 'usage_daily_' || pg_catalog.to_char(m.month, 'YYYY_MM'))
    ORDER BY m.month
    """)

  static let becomeLogin = Statement(
    "doctor_become_login", "SELECT pg_catalog.set_config('role', 'none', true) AS role")

  /// Whose locks prevent `ensure_usage_partitions` from locking usage_daily or attaching a partition, the oldest first.
  ///
  /// A prepared transaction holds its locks without a pid, but also a lock on its own transaction id, which identifies it.
  static let partitionBlockers = Statement(
    "doctor_partition_blockers",
    """
    SELECT l.pid, coalesce(a.usename, p.owner)::text AS login, l.virtualtransaction AS transaction, p.gid,
      pg_catalog.to_char(min(coalesce(a.xact_start, p.prepared)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
    FROM pg_catalog.pg_locks AS l
    JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
    JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = '\(Schema.cell)'
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    LEFT JOIN pg_catalog.pg_locks AS x
      ON l.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction
    LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = x.transactionid
    WHERE l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() AND l.mode <> 'SIReadLock'
      AND (c.relname = 'usage_daily_default'
        OR c.relname = 'usage_daily' AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'))
    GROUP BY l.pid, a.usename, p.owner, l.virtualtransaction, p.gid
    ORDER BY min(coalesce(a.xact_start, p.prepared)), l.pid
    """)
}
