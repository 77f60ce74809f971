-- Three roles, none of which logs in: keymeter_owner owns everything and migrates, keymeter_app is the server,
-- keymeter_reporting reads the views of `reporting`. Logins are made members of them (docs/operations.md), and decision
-- 0016 explains the split.

-- Roles belong to the whole cluster, so another database may have created them, or may be creating them now. They are
-- always created in this order, so that two concurrent migrations can't deadlock.
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

-- The migrating login must be able to transfer ownership to keymeter_owner, and the same login may later serve as
-- keymeter_app. A superuser needs no membership and gets none.
DO $$
DECLARE
  wanted name;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['keymeter_owner', 'keymeter_app', 'keymeter_reporting']::name[] LOOP
    CONTINUE WHEN pg_catalog.pg_has_role(current_user, wanted, 'MEMBER');
    BEGIN
      EXECUTE pg_catalog.format('GRANT %I TO %I', wanted, current_user);
    EXCEPTION
      -- "tuple concurrently updated" is reported as internal_error.
      WHEN duplicate_object OR unique_violation OR internal_error OR insufficient_privilege THEN
        IF wanted = 'keymeter_owner' AND NOT pg_catalog.pg_has_role(current_user, wanted, 'MEMBER') THEN
          RAISE EXCEPTION '% is not a member of keymeter_owner, and may not grant itself the role', current_user
            USING ERRCODE = 'insufficient_privilege',
              HINT = pg_catalog.format('As a superuser: GRANT keymeter_owner TO %I;', current_user);
        END IF;
    END;
  END LOOP;
END
$$;

-- Roles that existed before may have attributes or memberships that would defeat row-level security.
DO $$
DECLARE
  excessive name;
BEGIN
  SELECT r.rolname INTO excessive FROM pg_catalog.pg_roles AS r
  JOIN pg_catalog.pg_roles AS x ON pg_catalog.pg_has_role(r.oid, x.oid, 'MEMBER')
  WHERE r.rolname IN ('keymeter_app', 'keymeter_reporting')
    AND (x.rolsuper OR x.rolbypassrls OR x.rolcreaterole OR x.rolname = 'keymeter_owner')
  ORDER BY r.rolname LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the role % has too many privileges', excessive
      USING ERRCODE = 'insufficient_privilege',
        HINT = 'It must be neither SUPERUSER, BYPASSRLS nor CREATEROLE, and no member of such a role or keymeter_owner.';
  END IF;
END
$$;

-- The migrator created the home schema and its two ledgers before this migration, as the login.
ALTER SCHEMA keymeter_home OWNER TO keymeter_owner;
ALTER TABLE keymeter_home.schema_migrations OWNER TO keymeter_owner;
ALTER TABLE keymeter_home.schema_functions OWNER TO keymeter_owner;

CREATE SCHEMA {cell} AUTHORIZATION keymeter_owner;
CREATE SCHEMA reporting AUTHORIZATION keymeter_owner;

SET LOCAL ROLE keymeter_owner;

-- PostgreSQL lets every role execute a new function. Here EXECUTE is granted explicitly (sql/functions/grants.sql).
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

COMMENT ON SCHEMA keymeter_home IS
  'What belongs to the deployment rather than to an organisation: directory, peppers, ledgers of the migrator. Small and '
  'seldom written. No statement joins it with a cell.';
COMMENT ON TABLE keymeter_home.schema_migrations IS 'Applied migrations.';
COMMENT ON COLUMN keymeter_home.schema_migrations.version IS 'The number in the file''s name.';
COMMENT ON COLUMN keymeter_home.schema_migrations.name IS 'The file''s name.';
COMMENT ON COLUMN keymeter_home.schema_migrations.checksum IS 'SHA-256 of the file.';
COMMENT ON COLUMN keymeter_home.schema_migrations.applied_at IS 'When it was applied.';
COMMENT ON TABLE keymeter_home.schema_functions IS 'Files of sql/functions as last applied.';
COMMENT ON COLUMN keymeter_home.schema_functions.name IS 'The file''s name.';
COMMENT ON COLUMN keymeter_home.schema_functions.checksum IS 'SHA-256 of the file.';
COMMENT ON COLUMN keymeter_home.schema_functions.applied_at IS 'When it was last applied.';
COMMENT ON SCHEMA {cell} IS
  'A cell: everything that belongs to an organisation. Every table has organisation_id as its first key column.';
COMMENT ON SCHEMA reporting IS
  'Views for analysts: usage, limits and names. Never a secret or its hash. See docs/reporting.md.';
