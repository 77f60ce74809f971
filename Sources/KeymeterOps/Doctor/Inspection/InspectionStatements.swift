import Postgres

/// What is asked of a database to judge how it is set up; none of it changes anything.
///
/// By the catalogues rather than by names' look-up, so that also a login that may not use the schema gets an answer.
enum InspectionStatements {
  static let all = [
    host, server, settings, writePlainly, tenantTables, missingMonths, becomeLogin, partitionObstacles,
    functions, ExcessPrivileges.reach,
    triggers, rules, differingKeyFacts, clock,
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

  /// Until the transaction ends: definitions are written the same way whatever was set for this login and database.
  static let writePlainly = Statement(
    "inspection_write_plainly",
    """
    SELECT pg_catalog.set_config('quote_all_identifiers', 'off', true) AS quoting,
      pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true) AS path
    """)

  /// Every table of tenants' rows, with all that its policies say, as `TenantPolicy` has it.
  ///
  /// A policy that depends on an operator or function is bound to one that isn't PostgreSQL's own, even where its text
  /// doesn't say so: that of NULLIF names no operator.
  static let tenantTables = Statement(
    "inspection_tenant_tables",
    """
    SELECT c.relname::text AS name, c.relispartition AS is_partition,
      c.relrowsecurity AS is_enabled,
      coalesce(p.names, '{}') AS policies, coalesce(p.definitions, '{}') AS definitions
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid = c.oid AND a.attname = 'organisation_id' AND NOT a.attisdropped
    LEFT JOIN LATERAL (
      SELECT array_agg(l.polname::text ORDER BY l.polname) AS names, array_agg(
        CASE WHEN l.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END
        || CASE WHEN l.polcmd IN ('r', 'a', 'w', 'd') THEN ' FOR ' || l.polcmd::text ELSE ' FOR ALL' END
        || ' TO ' || (
          SELECT pg_catalog.string_agg(coalesce(r.rolname, 'public'), ', ' ORDER BY r.rolname)
          FROM pg_catalog.unnest(l.polroles) AS o (oid) LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = o.oid)
        || coalesce(' USING ' || pg_catalog.pg_get_expr(l.polqual, l.polrelid), '')
        || coalesce(' WITH CHECK ' || pg_catalog.pg_get_expr(l.polwithcheck, l.polrelid), '')
        || CASE WHEN EXISTS (
          SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = l.oid
            AND d.refclassid IN (
              'pg_catalog.pg_operator'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
        ) THEN ' BOUND ELSEWHERE' ELSE '' END
        ORDER BY l.polname) AS definitions
      FROM pg_catalog.pg_policy AS l WHERE l.polrelid = c.oid
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
        AND (c.relname = 'usage_daily' OR c.relname::text LIKE 'usage\\_daily\\_%')
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

  /// What PostgreSQL knows of the function `p`, whose aggregate is `g`, as `DefinedFunction` has it.
  private static let functionColumns = """
    p.proname::text AS function, pg_catalog.pg_get_function_identity_arguments(p.oid) AS arguments,
      CASE WHEN p.prokind = 'a' THEN '' ELSE p.prosrc END AS body,
      pg_catalog.array_remove(
        CASE WHEN p.prokind = 'a' THEN ARRAY[
          'aggregate', 'sfunc=' || g.aggtransfn::text, 'stype=' || pg_catalog.format_type(g.aggtranstype, NULL),
          'initcond=' || g.agginitval, 'combinefunc=' || nullif(g.aggcombinefn::text, '-'),
          'finalfunc=' || nullif(g.aggfinalfn::text, '-'), CASE p.proparallel WHEN 's' THEN 'parallel=safe' END]
        ELSE ARRAY[
          'language ' || l.lanname, CASE WHEN p.prokind <> 'f' THEN 'kind ' || p.prokind::text END,
          CASE WHEN p.prosecdef THEN 'security definer' END, CASE WHEN p.proisstrict THEN 'strict' END,
          CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END,
          CASE p.proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' END]
        END || ARRAY(SELECT 'set ' || pg_catalog.lower(s) FROM pg_catalog.unnest(p.proconfig) AS u (s)), NULL) AS traits
    """

  /// How many secrets are judged by other facts than their keys' records have.
  static let differingKeyFacts = Statement(
    "inspection_differing_key_facts", "SELECT keymeter.stale_secret_count() AS secrets")

  /// What PostgreSQL runs, whatever the ledger says was put there.
  static let functions = Statement(
    "inspection_functions",
    """
    SELECT \(functionColumns), p.proowner = n.nspowner AS is_owners
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    LEFT JOIN pg_catalog.pg_aggregate AS g ON g.aggfnoid = p.oid
    WHERE n.nspname = 'keymeter'
    ORDER BY 1, 2
    """)

  /// The triggers of these names or on these tables, each with all that PostgreSQL knows of it and with what it runs.
  ///
  /// Enabled is one that fires for whoever writes here, and not only for what is replicated. The function sees the rows of
  /// every tenant because it acts as the tables' owner. A trigger that depends on an operator, or on another function than
  /// it runs, has a condition with one that isn't PostgreSQL's own, even where its text doesn't say so.
  static let triggers = Statement(
    "inspection_triggers",
    """
    SELECT t.tgname::text AS name, c.relname::text AS "table", t.tgenabled IN ('O', 'A') AS is_enabled,
      pg_catalog.pg_get_triggerdef(t.oid) AS definition,
      EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = t.oid
          AND (d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
            OR d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid <> t.tgfoid)
      ) AS is_bound_elsewhere,
      \(functionColumns), p.proowner = c.relowner AND p.pronamespace = c.relnamespace AS is_owners
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'keymeter'
    JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    LEFT JOIN pg_catalog.pg_aggregate AS g ON g.aggfnoid = p.oid
    WHERE NOT t.tgisinternal AND (t.tgname = ANY($1::text[]) OR c.relname = ANY($2::text[]))
    ORDER BY 1, 2
    """)

  /// The rules that have something else done than what is written to these tables.
  static let rules = Statement(
    "inspection_rules",
    """
    SELECT r.rulename::text AS name, c.relname::text AS "table" FROM pg_catalog.pg_rewrite AS r
    JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'keymeter'
    WHERE c.relname = ANY($1::text[])
    ORDER BY 1, 2
    """)

  static let clock = Statement(
    "inspection_clock", "SELECT pg_catalog.clock_timestamp() AS now")
}
