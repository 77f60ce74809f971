-- Deletes up to `batch` events that are older than `older_than` and returns how many. Works as purge_idempotency_keys.
CREATE OR REPLACE FUNCTION {cell}.purge_usage_events(older_than interval, batch integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  purged integer;
BEGIN
  DELETE FROM {cell}.usage_events AS e
  WHERE e.ctid = ANY (ARRAY(
    SELECT x.ctid FROM {cell}.usage_events AS x
    -- The API promises at least 24 hours, so a shorter argument is raised.
    WHERE x.recorded_at < statement_timestamp() - greatest(older_than, interval '24 hours')
    ORDER BY x.recorded_at LIMIT batch FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END
$$;
