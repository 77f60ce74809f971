-- Records that a key has authenticated, at most once a minute, so that reads stay cheap.
CREATE OR REPLACE FUNCTION {cell}.mark_key_used(organisation text, key text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  UPDATE {cell}.api_keys AS k SET last_used_at = now()
  WHERE k.organisation_id = organisation AND k.key_id = key
    AND (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute')
$$;
