-- Deletes up to `batch` expired entries and returns how many. Small batches keep locks short: the job calls it until it
-- returns 0. Rows that another node is purging are skipped.
CREATE OR REPLACE FUNCTION {cell}.purge_idempotency_keys(batch integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  purged integer;
BEGIN
  -- By ctid, which can't change while the rows are locked. A join would scan the whole table, because the planner doesn't
  -- know how many rows there will be.
  DELETE FROM {cell}.idempotency_keys AS i
  WHERE i.ctid = ANY (ARRAY(
    SELECT x.ctid FROM {cell}.idempotency_keys AS x
    WHERE x.expires_at <= statement_timestamp()
    ORDER BY x.expires_at LIMIT batch FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END
$$;
