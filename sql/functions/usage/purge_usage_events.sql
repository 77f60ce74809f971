-- Retention, in batches, so that no call holds locks for long: call it until it answers 0. What other nodes purge at
-- the same time is skipped.
CREATE OR REPLACE FUNCTION {cell}.purge_usage_events(older_than interval, batch integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  purged integer;
BEGIN
  -- By their places, which stay theirs while they are locked: how many there will be isn't known when this is planned, and
  -- a join would read the whole table.
  DELETE FROM {cell}.usage_events AS e
  WHERE e.ctid = ANY (ARRAY(
    SELECT x.ctid FROM {cell}.usage_events AS x
    -- Promised for 24 hours, whatever is asked.
    WHERE x.recorded_at < statement_timestamp() - greatest(older_than, interval '24 hours')
    ORDER BY x.recorded_at LIMIT batch FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END
$$;
