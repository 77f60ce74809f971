-- Revokes a key and ends its secrets, and returns the key. Call after lock_key.
--
-- The secrets are kept, so that a verification with one of them is answered with "revoked".
CREATE OR REPLACE FUNCTION {cell}.revoke_key(organisation text, id text) RETURNS SETOF {cell}.api_keys
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE {cell}.api_key_secrets AS s SET valid_until = '-infinity'
  WHERE s.organisation_id = organisation AND s.key_id = id;
  RETURN QUERY
  UPDATE {cell}.api_keys AS k SET revoked_at = statement_timestamp()
  WHERE k.organisation_id = organisation AND k.key_id = id
  RETURNING k.*;
  PERFORM {cell}.bump_counter_version(organisation, id);
END
$$;
