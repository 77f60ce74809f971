-- Inserts a key and its secret's hash, and returns the key. Inserts nothing if the expiry is not in the future.
CREATE OR REPLACE FUNCTION {cell}.insert_key(
  organisation text, id text, name text, is_root boolean, environment text, scopes text[],
  max_requests bigint, max_tokens bigint, max_stt_secs bigint, linkage text, hint text, expiry timestamptz,
  addresses cidr[], hash bytea, pepper text
) RETURNS SETOF {cell}.api_keys
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  IF expiry <= now() THEN
    RETURN;
  END IF;
  RETURN QUERY
  INSERT INTO {cell}.api_keys AS k (
    organisation_id, key_id, friendly_name, root, environment, scopes, usage_limit, monthly_token_limit,
    monthly_stt_secs_limit, linkage_id, key_hint, expires_at, allowed_cidrs)
  VALUES (
    organisation, id, name, is_root, environment, scopes, max_requests, max_tokens, max_stt_secs, linkage, hint, expiry,
    addresses)
  RETURNING k.*;
  INSERT INTO {cell}.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
  VALUES (organisation, id, hash, pepper);
END
$$;
