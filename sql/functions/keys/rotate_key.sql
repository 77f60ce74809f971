-- Gives a key a new secret, and returns the key. The current secret stays valid for overlap_secs from now on (0 ends it);
-- older ones end. The current secret's hash is kept in former_secrets, so that a later leak report can be matched.
--
-- Call after lock_key. The overlap counts from the statement, not from the transaction, which may have waited for locks.
CREATE OR REPLACE FUNCTION {cell}.rotate_key(
  organisation text, id text, hash bytea, pepper text, hint text, overlap_secs bigint
) RETURNS SETOF {cell}.api_keys
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO {cell}.former_secrets (organisation_id, key_id, secret_hash, superseded_at)
  SELECT s.organisation_id, s.key_id, s.secret_hash, statement_timestamp() FROM {cell}.api_key_secrets AS s
  WHERE s.organisation_id = organisation AND s.key_id = id AND s.valid_until IS NULL;
  DELETE FROM {cell}.api_key_secrets AS s
  WHERE s.organisation_id = organisation AND s.key_id = id AND (s.valid_until IS NOT NULL OR overlap_secs = 0);
  UPDATE {cell}.api_key_secrets AS s SET valid_until = statement_timestamp() + make_interval(secs => overlap_secs)
  WHERE s.organisation_id = organisation AND s.key_id = id;
  INSERT INTO {cell}.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
  VALUES (organisation, id, hash, pepper);
  RETURN QUERY
  UPDATE {cell}.api_keys AS k SET key_hint = hint WHERE k.organisation_id = organisation AND k.key_id = id RETURNING k.*;
  PERFORM {cell}.bump_counter_version(organisation, id);
END
$$;
