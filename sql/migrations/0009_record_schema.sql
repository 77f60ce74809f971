-- What the schema looked like when `migrate` last changed it. `keymeter doctor` reports what differs from it.
CREATE TABLE keymeter_home.schema_objects (
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  CONSTRAINT schema_objects_pkey PRIMARY KEY (kind, name, hash)
);

COMMENT ON TABLE keymeter_home.schema_objects IS
  'The result of current_schema_objects() when `migrate` last changed the schema. Empty while a migration is unfinished.';
COMMENT ON COLUMN keymeter_home.schema_objects.kind IS 'Function, trigger, policy and so on.';
COMMENT ON COLUMN keymeter_home.schema_objects.name IS 'With its schema and table.';
COMMENT ON COLUMN keymeter_home.schema_objects.hash IS 'SHA-256 of the definition.';

-- Lists everything in both schemas that Keymeter's guarantees depend on, each object with a hash of its definition.
--
-- All monthly partitions count as one, because they come and go. The owner's own rights are left out, because their
-- defaults differ between versions of PostgreSQL. A policy or trigger that depends on an operator or function outside
-- PostgreSQL's own differs even if its text is the same: NULLIF and IS DISTINCT FROM don't show which operator they use.
CREATE FUNCTION keymeter_home.current_schema_objects() RETURNS TABLE (kind text, name text, hash text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
  WITH schemas AS (
    SELECT n.oid, n.nspname::text AS name, n.nspowner AS owner, n.nspacl AS acl
    FROM pg_namespace AS n WHERE n.nspname IN ('{cell}', 'keymeter_home')
  ), tables AS (
    SELECT c.oid, s.name || '.' || c.relname AS name, c.relkind, c.relowner AS owner, c.relacl AS acl, c.relrowsecurity,
      c.relforcerowsecurity
    FROM pg_class AS c JOIN schemas AS s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
  ), functions AS (
    SELECT p.oid, format('%s.%s(%s)', s.name, p.proname, pg_get_function_identity_arguments(p.oid)) AS name,
      p.proowner AS owner, p.proacl AS acl, p.prokind
    FROM pg_proc AS p JOIN schemas AS s ON s.oid = p.pronamespace
  ), grants AS (
    SELECT name, owner, coalesce(acl, acldefault('n', owner)) AS acl FROM schemas
    UNION ALL SELECT name, owner, coalesce(acl, acldefault('r', owner)) FROM tables
    UNION ALL SELECT name, owner, coalesce(acl, acldefault('f', owner)) FROM functions
    UNION ALL
    SELECT t.name || '.' || a.attname, t.owner, a.attacl
    FROM tables AS t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped
  ), objects (kind, name, definition) AS (
    SELECT 'schema', s.name, pg_get_userbyid(s.owner)::text FROM schemas AS s
    UNION ALL
    SELECT 'table', t.name, format('%s %s %s %s', t.relkind, pg_get_userbyid(t.owner), t.relrowsecurity,
      t.relforcerowsecurity)
    FROM tables AS t
    UNION ALL
    SELECT 'column', t.name || '.' || a.attname, format('%s %s %s %s %s %s', format_type(a.atttypid, a.atttypmod),
      a.attcollation::regcollation, a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM tables AS t
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    -- Later versions of PostgreSQL list NOT NULL here too.
    SELECT 'constraint', t.name || '.' || k.conname, format('%s %s', pg_get_constraintdef(k.oid), k.convalidated)
    FROM tables AS t JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')
    UNION ALL
    SELECT 'trigger', t.name || '.' || g.tgname, format('%s %s %s', g.tgenabled, pg_get_triggerdef(g.oid), (
      SELECT count(*) FROM pg_depend AS d WHERE d.classid = 'pg_trigger'::regclass AND d.objid = g.oid
        AND d.refclassid IN ('pg_operator'::regclass, 'pg_proc'::regclass)))
    FROM tables AS t JOIN pg_trigger AS g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    UNION ALL
    SELECT 'rule', t.name || '.' || r.rulename, format('%s %s', r.ev_enabled, pg_get_ruledef(r.oid))
    FROM tables AS t JOIN pg_rewrite AS r ON r.ev_class = t.oid
    UNION ALL
    SELECT 'policy', t.name || '.' || l.polname, format('%s %s %s %s %s %s', l.polpermissive, l.polcmd,
      (SELECT string_agg(r::regrole::text, ', ' ORDER BY r::regrole::text COLLATE "C") FROM unnest(l.polroles) AS r),
      pg_get_expr(l.polqual, l.polrelid), pg_get_expr(l.polwithcheck, l.polrelid), (
      SELECT count(*) FROM pg_depend AS d WHERE d.classid = 'pg_policy'::regclass AND d.objid = l.oid
        AND d.refclassid IN ('pg_operator'::regclass, 'pg_proc'::regclass)))
    FROM tables AS t JOIN pg_policy AS l ON l.polrelid = t.oid
    UNION ALL
    SELECT 'function', f.name, format('%s %s', pg_get_userbyid(f.owner), CASE
      WHEN f.prokind = 'a' THEN format('%s %s %s %s %s %s', g.aggtransfn, g.aggtranstype::regtype, g.agginitval,
        g.aggcombinefn, g.aggfinalfn, (SELECT p.proparallel FROM pg_proc AS p WHERE p.oid = f.oid))
      ELSE pg_get_functiondef(f.oid) END)
    FROM functions AS f LEFT JOIN pg_aggregate AS g ON g.aggfnoid = f.oid
    UNION ALL
    SELECT 'grant', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END || ' on ' || g.name,
      string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ' '
        ORDER BY x.privilege_type COLLATE "C", x.is_grantable)
    FROM grants AS g CROSS JOIN LATERAL aclexplode(g.acl) AS x
    WHERE x.grantee <> g.owner
    GROUP BY 2
  )
  SELECT DISTINCT o.kind, regexp_replace(o.name, 'usage_daily_\d{4}_\d{2}', 'usage_daily_YYYY_MM', 'g'), encode(sha256(
    convert_to(regexp_replace(o.definition, 'usage_daily_\d{4}_\d{2}', 'usage_daily_YYYY_MM', 'g'), 'UTF8')), 'hex')
  FROM objects AS o
$$;
