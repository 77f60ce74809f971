-- Called in the transaction that lowers a limit of a key, or ends it, after its record was changed: gives this
-- month's counter a new version. Requests under way that were judged by the old record are then either charged
-- before the change, or judged again after it (admit charges only the version that it judged).
CREATE OR REPLACE FUNCTION {cell}.bump_counter_version(organisation text, key text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO {cell}.usage_monthly AS u (organisation_id, key_id, month)
  VALUES (organisation, key, {cell}.month_of((statement_timestamp() AT TIME ZONE 'UTC')::date))
  ON CONFLICT (organisation_id, key_id, month) DO UPDATE SET last_used_at = u.last_used_at
$$;
