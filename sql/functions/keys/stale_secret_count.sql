-- How many secrets have denormalised columns that differ from their key. It is 0 unless keys were changed while triggers
-- were disabled. Scans every secret.
--
-- SECURITY DEFINER because it compares the secrets of all tenants, and returns only their number.
CREATE OR REPLACE FUNCTION {cell}.stale_secret_count() RETURNS bigint
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT count(*)
  FROM {cell}.api_key_secrets AS s
  JOIN {cell}.api_keys AS k ON k.organisation_id = s.organisation_id AND k.key_id = s.key_id
  WHERE (s.environment, s.scopes, s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit, s.expires_at,
      s.revoked_at, s.allowed_cidrs)
    IS DISTINCT FROM
    (k.environment, k.scopes, k.usage_limit, k.monthly_token_limit, k.monthly_stt_secs_limit, k.expires_at,
      k.revoked_at, k.allowed_cidrs)
$$;
