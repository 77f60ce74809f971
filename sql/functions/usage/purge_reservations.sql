-- Deletes up to `batch` reservations that were closed longer than `older_than` ago and returns how many. Open reservations
-- are never deleted. Works as purge_idempotency_keys.
CREATE OR REPLACE FUNCTION {cell}.purge_reservations(older_than interval, batch integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  purged integer;
BEGIN
  DELETE FROM {cell}.reservations AS r
  WHERE r.ctid = ANY (ARRAY(
    SELECT x.ctid FROM {cell}.reservations AS x
    WHERE x.closed_at < statement_timestamp() - greatest(older_than, interval '24 hours')
    ORDER BY x.closed_at LIMIT batch FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END
$$;
