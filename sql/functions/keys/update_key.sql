-- Writes a key's name, limits and addresses, and returns the key.
CREATE OR REPLACE FUNCTION {cell}.update_key(
  organisation text, id text, name text, max_requests bigint, max_tokens bigint, max_stt_secs bigint, addresses cidr[]
) RETURNS SETOF {cell}.api_keys
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  UPDATE {cell}.api_keys AS k
  SET friendly_name = name, usage_limit = max_requests, monthly_token_limit = max_tokens,
    monthly_stt_secs_limit = max_stt_secs, allowed_cidrs = addresses
  WHERE k.organisation_id = organisation AND k.key_id = id
  RETURNING k.*;
  PERFORM {cell}.bump_counter_version(organisation, id);
END
$$;
