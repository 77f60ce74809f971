-- Retention, in batches, so that no call holds locks for long: call it until it answers 0. What other nodes purge at
-- the same time is skipped.
CREATE OR REPLACE FUNCTION keymeter.purge_idempotency_keys(batch integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  purged integer;
BEGIN
  DELETE FROM keymeter.idempotency_keys AS i
  USING (
    SELECT x.organisation_id, x.key_id, x.name_hash FROM keymeter.idempotency_keys AS x
    WHERE x.expires_at <= statement_timestamp()
    ORDER BY x.expires_at LIMIT batch FOR UPDATE SKIP LOCKED
  ) AS old
  WHERE i.organisation_id = old.organisation_id AND i.key_id = old.key_id AND i.name_hash = old.name_hash;
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END
$$;

REVOKE ALL ON FUNCTION keymeter.purge_idempotency_keys(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keymeter.purge_idempotency_keys(integer) TO keymeter_app;
