-- Waits for changes of a key and blocks further ones until the transaction ends: first the organisation, whose lock all
-- changes of its keys take, then the key's secrets, which the key's own calls lock. Of two root keys that end each other,
-- one is therefore always the last. The order avoids deadlocks.
CREATE OR REPLACE FUNCTION {cell}.lock_key(organisation text, key text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM {cell}.lock_organisation(organisation);
  PERFORM FROM {cell}.api_key_secrets AS s
  WHERE s.organisation_id = organisation AND s.key_id = key ORDER BY s.secret_hash FOR UPDATE;
END
$$;
