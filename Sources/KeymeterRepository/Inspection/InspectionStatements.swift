import Postgres

/// What is asked of a database to judge how it is set up; none of it changes anything.
///
/// By the catalogues rather than by names' look-up, so that also a login that may not use the schema gets an answer.
enum InspectionStatements {
  static let all = [
    host, server, settings, tenantTables, missingMonths, becomeLogin, partitionObstacles, functionBodies,
    keyFactTriggers, clock,
  ]

  static let host = Statement(
    "inspection_host",
    """
    SELECT pg_catalog.pg_is_in_recovery() AS is_standby, pg_catalog.pg_postmaster_start_time() AS start,
      pg_catalog.current_setting('default_transaction_read_only')::bool AS is_read_only
    """)

  static let server = Statement(
    "inspection_server",
    """
    SELECT pg_catalog.current_setting('server_version') AS version,
      pg_catalog.current_setting('server_version_num')::int4 AS version_number,
      pg_catalog.current_database()::text AS database,
      pg_catalog.pg_is_in_recovery() AS is_standby,
      (SELECT count(*) FROM pg_catalog.pg_stat_replication) AS standbys,
      (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.backend_type = 'client backend') AS connections,
      coalesce((SELECT s.ssl FROM pg_catalog.pg_stat_ssl AS s WHERE s.pid = pg_catalog.pg_backend_pid()), false) AS is_encrypted,
      (SELECT nullif(r.rolconnlimit, -1) FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user) AS login_limit,
      (SELECT nullif(d.datconnlimit, -1) FROM pg_catalog.pg_database AS d
       WHERE d.datname = pg_catalog.current_database()) AS database_limit
    """)

  /// As this session has them: what was set for its login and its database counts.
  static let settings = Statement(
    "inspection_settings",
    """
    SELECT s.name, s.setting, coalesce(s.unit, '') AS unit, s.source FROM pg_catalog.pg_settings AS s
    WHERE s.name = ANY($1::text[])
    """)

  /// A policy guards where it compares with the transaction's tenant.
  ///
  /// One that applies to others than the owner and doesn't, opens the table.
  static let tenantTables = Statement(
    "inspection_tenant_tables",
    """
    SELECT c.relname::text AS name, c.relispartition AS is_partition,
      c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
      coalesce(p.has_owner, false) AS has_owner, coalesce(p.has_tenant, false) AS has_tenant,
      coalesce(p.openings, '{}') AS openings
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid = c.oid AND a.attname = 'organisation_id' AND NOT a.attisdropped
    LEFT JOIN LATERAL (
      SELECT bool_or(q.is_owners) AS has_owner,
        bool_or(q.is_guarding AND q.is_apps AND q.is_for_all) AS has_tenant,
        array_agg(q.name ORDER BY q.name) FILTER (WHERE NOT q.is_owners AND NOT q.is_guarding) AS openings
      FROM (
        SELECT l.policyname::text AS name, l.cmd = 'ALL' AS is_for_all,
          l.roles = ARRAY['keymeter_owner'::name] AS is_owners, 'keymeter_app' = ANY(l.roles) AS is_apps,
          coalesce(l.qual, '') LIKE '%keymeter.organisation_id%' AS is_guarding
        FROM pg_catalog.pg_policies AS l
        WHERE l.schemaname = n.nspname AND l.tablename = c.relname AND l.permissive = 'PERMISSIVE'
      ) AS q
    ) AS p ON true
    WHERE n.nspname = 'keymeter' AND c.relkind IN ('r', 'p')
    ORDER BY 1
    """)

  /// Of the current month, by this clock, and so many further ones, those without a partition of usage_daily.
  static let missingMonths = Statement(
    "inspection_missing_months",
    """
    SELECT pg_catalog.to_char(m.month, 'YYYY-MM') AS month, m.ahead = 0 AS is_current
    FROM (
      SELECT g.ahead, pg_catalog.date_trunc('month', pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')
        + pg_catalog.make_interval(months => g.ahead) AS month
      FROM pg_catalog.generate_series(0, $1::int4) AS g (ahead)
    ) AS m
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_inherits AS i
      JOIN pg_catalog.pg_class AS parent ON parent.oid = i.inhparent AND parent.relname = 'usage_daily'
      JOIN pg_catalog.pg_namespace AS n ON n.oid = parent.relnamespace AND n.nspname = 'keymeter'
      JOIN pg_catalog.pg_class AS child ON child.oid = i.inhrelid
      WHERE child.relname = 'usage_daily_' || pg_catalog.to_char(m.month, 'YYYY_MM'))
    ORDER BY m.month
    """)

  /// Until the transaction ends: the login may know of other sessions what `keymeter_app` may not.
  static let becomeLogin = Statement(
    "inspection_become_login", "SELECT pg_catalog.set_config('role', 'none', true) AS role")

  /// Whose locks a new month of usage_daily would wait for, and whose somebody waits for who makes or drops one.
  ///
  /// A month is made under a lock that holds off its like (and what ANALYZE or VACUUM take), and attached under one of the
  /// default partition that whoever has read usage_daily, and not ended its transaction, is in the way of. Nothing of what a
  /// session runs is asked for: it may hold anything.
  ///
  /// A prepared transaction holds its locks without a process, for which those who wait for it are told 0. Which one it is
  /// says the lock that it holds of its own number. A predicate's lock (SIReadLock) keeps nobody waiting.
  static let partitionObstacles = Statement(
    "inspection_partition_obstacles",
    """
    WITH held AS (
      SELECT l.pid, coalesce(l.pid, 0) AS holder, l.virtualtransaction, l.mode, l.granted, c.relname
      FROM pg_catalog.pg_locks AS l
      JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
      JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'keymeter'
      WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
        AND l.mode <> 'SIReadLock'
        AND (c.relname = 'usage_daily' OR c.relname LIKE 'usage\\_daily\\_%')
    ), waited_for AS (
      SELECT DISTINCT b.pid FROM held AS h
      CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(h.pid)) AS b (pid)
      WHERE NOT h.granted AND h.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
    ), prepared AS (
      SELECT l.virtualtransaction, p.gid, p.owner, p.prepared
      FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = l.transactionid
      WHERE l.locktype = 'transactionid' AND l.pid IS NULL
    )
    SELECT h.pid, coalesce(a.usename, p.owner)::text AS login, h.virtualtransaction AS transaction, p.gid,
      pg_catalog.to_char(
        coalesce(a.xact_start, p.prepared) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
      h.holder IN (SELECT w.pid FROM waited_for AS w) AS is_waited_for
    FROM held AS h LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = h.pid
    LEFT JOIN prepared AS p ON h.pid IS NULL AND p.virtualtransaction = h.virtualtransaction
    WHERE h.granted AND (
      h.relname = 'usage_daily_default'
      OR h.relname = 'usage_daily' AND h.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
      OR h.holder IN (SELECT w.pid FROM waited_for AS w))
    GROUP BY h.pid, h.holder, a.usename, h.virtualtransaction, a.xact_start, p.gid, p.owner, p.prepared
    ORDER BY coalesce(a.xact_start, p.prepared), h.pid
    """)

  /// What PostgreSQL runs, whatever the ledger says was put there.
  static let functionBodies = Statement(
    "inspection_function_bodies",
    """
    SELECT p.proname::text AS name, p.prosrc AS body FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'keymeter'
    """)

  /// The triggers that keep the copies of keys' facts, each with all that PostgreSQL knows of it and with what it runs.
  ///
  /// Enabled is one that fires for whoever writes here, and not only for what is replicated. The function sees the rows of
  /// every tenant because it acts as the tables' owner.
  static let keyFactTriggers = Statement(
    "inspection_key_fact_triggers",
    """
    SELECT t.tgname::text AS name, t.tgenabled IN ('O', 'A') AS is_enabled,
      pg_catalog.pg_get_triggerdef(t.oid) AS definition, p.proname::text AS function, p.prosrc AS body,
      p.prosecdef AND p.proowner = c.relowner AND p.pronamespace = c.relnamespace AS is_owners
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'keymeter'
    JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
    WHERE t.tgname = ANY($1::text[])
    """)

  static let clock = Statement(
    "inspection_clock", "SELECT pg_catalog.clock_timestamp() AS now")
}
