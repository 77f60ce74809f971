-- Retention, in batches, so that no call holds locks for long: call it until it answers 0. What other nodes purge at
-- the same time is skipped.
CREATE OR REPLACE FUNCTION {cell}.purge_idempotency_keys(batch integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  purged integer;
BEGIN
  -- By their places, which stay theirs while they are locked: how many there will be isn't known when this is planned, and
  -- a join would read the whole table.
  DELETE FROM {cell}.idempotency_keys AS i
  WHERE i.ctid = ANY (ARRAY(
    SELECT x.ctid FROM {cell}.idempotency_keys AS x
    WHERE x.expires_at <= statement_timestamp()
    ORDER BY x.expires_at LIMIT batch FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END
$$;
