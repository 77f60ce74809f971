-- Deletes a key, its secrets and its former secrets. Its usage stays. Call after lock_key.
CREATE OR REPLACE FUNCTION {cell}.delete_key(organisation text, id text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  DELETE FROM {cell}.api_key_secrets AS s WHERE s.organisation_id = organisation AND s.key_id = id;
  DELETE FROM {cell}.api_keys AS k WHERE k.organisation_id = organisation AND k.key_id = id;
  SELECT {cell}.bump_counter_version(organisation, id)
$$;
