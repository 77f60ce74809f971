-- Row-level security: keymeter_app sees the rows of one organisation, the one that its transaction has set. keymeter_owner
-- bypasses the policies as the owner, and with it the functions and views that read across organisations.
--
-- A partition gets no policy: its rows are reached through the parent, under the parent's policy. A migration that adds a
-- table repeats the two statements for it.
DO $$
DECLARE
  tenants regclass;
  is_partition boolean;
BEGIN
  FOR tenants, is_partition IN
    SELECT c.oid::regclass, c.relispartition FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
    WHERE c.relnamespace = '{cell}'::regnamespace AND c.relkind IN ('r', 'p')
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenants);
    IF NOT is_partition THEN
      -- An unset tenant is NULL, or '' where an earlier transaction of the session set one. Neither is an id.
      EXECUTE pg_catalog.format(
        'CREATE POLICY tenant ON %s TO keymeter_app
         USING (organisation_id = nullif(pg_catalog.current_setting(''keymeter.organisation_id'', true), ''''))',
        tenants);
    END IF;
  END LOOP;
END
$$;
