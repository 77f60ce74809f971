-- Gives this month's counter of a key a new version. A transaction that lowers a limit or ends a key calls it after it has
-- changed the key: a concurrent request is then charged before the change, or judged again after it. See admit.
--
-- SECURITY DEFINER because the server has no right to write counters.
CREATE OR REPLACE FUNCTION {cell}.bump_counter_version(organisation text, key text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM {cell}.require_tenant(organisation);
  INSERT INTO {cell}.usage_monthly AS u (organisation_id, key_id, month)
  VALUES (organisation, key, {cell}.month_of((statement_timestamp() AT TIME ZONE 'UTC')::date))
  ON CONFLICT (organisation_id, key_id, month) DO UPDATE SET last_used_at = u.last_used_at;
END
$$;
