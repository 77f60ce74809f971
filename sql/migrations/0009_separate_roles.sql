-- Three roles, and each tenant's rows apart even from a wrong query; docs/decisions/0016 says why it is as it is.
--
-- keymeter_owner owns everything and migrates, keymeter_app is the server, keymeter_reporting reads the views of
-- `reporting`. None is needed to log in: logins are made members of them (docs/operations.md).

-- Roles belong to the whole cluster: another database may have made them, or be making them now. Always in this order,
-- so that two migrations that make them never wait for each other in a circle.
DO $$
DECLARE
  wanted name;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['keymeter_owner', 'keymeter_app', 'keymeter_reporting']::name[] LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = wanted);
    BEGIN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role % is missing, and % may not create it', wanted, current_user
          USING ERRCODE = 'insufficient_privilege',
            HINT = pg_catalog.format('As a superuser: CREATE ROLE %I NOLOGIN;', wanted);
    END;
  END LOOP;
END
$$;

-- Whoever migrates must be able to give things to keymeter_owner, and by the same login the server becomes keymeter_app.
-- A superuser needs no membership, and gets none.
DO $$
DECLARE
  wanted name;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['keymeter_owner', 'keymeter_app', 'keymeter_reporting']::name[] LOOP
    CONTINUE WHEN pg_catalog.pg_has_role(current_user, wanted, 'MEMBER');
    BEGIN
      EXECUTE pg_catalog.format('GRANT %I TO %I', wanted, current_user);
    EXCEPTION
      -- internal_error is what "tuple concurrently updated" has for a code.
      WHEN duplicate_object OR unique_violation OR internal_error OR insufficient_privilege THEN
        IF wanted = 'keymeter_owner' AND NOT pg_catalog.pg_has_role(current_user, wanted, 'MEMBER') THEN
          RAISE EXCEPTION '% is no member of keymeter_owner, and may not make itself one', current_user
            USING ERRCODE = 'insufficient_privilege',
              HINT = pg_catalog.format('As a superuser: GRANT keymeter_owner TO %I;', current_user);
        END IF;
    END;
  END LOOP;
END
$$;

-- Roles that were there before can be anything, and members of anything.
DO $$
DECLARE
  mighty name;
BEGIN
  SELECT r.rolname INTO mighty FROM pg_catalog.pg_roles AS r
  JOIN pg_catalog.pg_roles AS x ON pg_catalog.pg_has_role(r.oid, x.oid, 'MEMBER')
  WHERE r.rolname IN ('keymeter_app', 'keymeter_reporting')
    AND (x.rolsuper OR x.rolbypassrls OR x.rolcreaterole OR x.rolname = 'keymeter_owner')
  ORDER BY r.rolname LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the role % may do more than it should', mighty
      USING ERRCODE = 'insufficient_privilege',
        HINT = 'It must be neither SUPERUSER, BYPASSRLS nor CREATEROLE, and no member of such a role or keymeter_owner.';
  END IF;
END
$$;

-- What the migrations so far made belongs to whoever ran them. Schemas first: a table's new owner must be able to create
-- in its schema. Indexes, and the sequences of identity columns, follow their tables.
ALTER SCHEMA keymeter OWNER TO keymeter_owner;
ALTER SCHEMA reporting OWNER TO keymeter_owner;

DO $$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT pg_catalog.format(
      CASE c.relkind
        WHEN 'v' THEN 'ALTER VIEW %s OWNER TO keymeter_owner'
        WHEN 'c' THEN 'ALTER TYPE %s OWNER TO keymeter_owner'
        ELSE 'ALTER TABLE %s OWNER TO keymeter_owner'
      END, c.oid::regclass)
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace IN ('keymeter'::regnamespace, 'reporting'::regnamespace)
      AND c.relkind IN ('r', 'p', 'v', 'c')
    UNION ALL
    SELECT pg_catalog.format('ALTER ROUTINE %s OWNER TO keymeter_owner', p.oid::regprocedure)
    FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'keymeter'::regnamespace
  LOOP
    EXECUTE command;
  END LOOP;
END
$$;

-- The rest is the owner's business, whoever logged in.
SET LOCAL ROLE keymeter_owner;

-- A function may be called by anyone unless somebody takes that away: for those that exist, and those to come.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA keymeter FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA keymeter FROM PUBLIC;

GRANT USAGE ON SCHEMA keymeter TO keymeter_app;
-- What the server asks at its start, and whenever it is asked whether it is ready.
GRANT SELECT ON keymeter.schema_migrations, keymeter.schema_functions TO keymeter_app;
GRANT SELECT ON keymeter.organisations TO keymeter_app;
GRANT SELECT, INSERT, DELETE ON keymeter.api_keys TO keymeter_app;
-- Not whose it is, which one it is, what it serves, nor whether it is a root key.
GRANT UPDATE (
  friendly_name, environment, scopes, usage_limit, monthly_token_limit, monthly_stt_secs_limit, key_hint, expires_at,
  revoked_at, last_used_at
) ON keymeter.api_keys TO keymeter_app;
GRANT SELECT, INSERT, DELETE ON keymeter.api_key_secrets TO keymeter_app;
GRANT UPDATE (valid_until) ON keymeter.api_key_secrets TO keymeter_app;
GRANT SELECT, INSERT ON keymeter.audit_log TO keymeter_app;
-- Counters are charged by functions alone; keymeter.fence_counter gives one a new version, which changes nothing.
GRANT SELECT ON keymeter.usage_monthly, keymeter.usage_daily TO keymeter_app;
GRANT INSERT (organisation_id, key_id, month), UPDATE (last_used_at) ON keymeter.usage_monthly TO keymeter_app;
GRANT SELECT, INSERT ON keymeter.idempotency_keys TO keymeter_app;
GRANT UPDATE (salt, sealed_answer, expires_at) ON keymeter.idempotency_keys TO keymeter_app;
-- Nothing on reservations and usage_events: functions alone reach them.

GRANT USAGE ON SCHEMA reporting TO keymeter_reporting;
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO keymeter_reporting;
ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO keymeter_reporting;

-- Forced, so that not even the owner passes without a policy that names it. The owner's says nothing but `true`, which
-- the planner drops: the functions and views that see across tenants run with the owner's rights, and pay nothing for it.
-- A partition is reached through its parent, by the parent's policies; by its own name nobody gets at it but the owner.
DO $$
DECLARE
  tenants regclass;
  is_partition boolean;
BEGIN
  FOR tenants, is_partition IN
    SELECT c.oid::regclass, c.relispartition FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
    WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind IN ('r', 'p')
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenants);
    EXECUTE pg_catalog.format('CREATE POLICY owner ON %s TO keymeter_owner USING (true)', tenants);
    IF NOT is_partition THEN
      -- Not set is NULL, or '' where an earlier transaction of the session had set it: neither is anybody's id.
      EXECUTE pg_catalog.format(
        'CREATE POLICY tenant ON %s TO keymeter_app
         USING (organisation_id = nullif(pg_catalog.current_setting(''keymeter.organisation_id'', true), ''''))',
        tenants);
    END IF;
  END LOOP;
END
$$;
