-- What is decided before any counter is looked at; 0 is nothing against it. The codes are admit's.
-- Inlined into the statements that use it: no SET clause and not STRICT, either of which would prevent that.
CREATE OR REPLACE FUNCTION {cell}.check_key(
  own_provider boolean, revoked_at timestamptz, expires_at timestamptz, valid_until timestamptz, judged_at timestamptz,
  environment text, required_environment text, scopes text[], required_scopes text,
  requests bigint, tokens bigint, stt_secs bigint, allowed_cidrs cidr[], address inet
) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN NOT own_provider THEN 2
    WHEN revoked_at IS NOT NULL THEN 3
    WHEN expires_at <= judged_at OR valid_until <= judged_at THEN 4
    -- An address that isn't known is none of those that are allowed.
    WHEN allowed_cidrs IS NOT NULL AND (address <<= ANY (allowed_cidrs)) IS NOT TRUE THEN 12
    WHEN environment <> required_environment THEN 5
    WHEN required_scopes IS NOT NULL AND NOT ('*' = ANY (scopes))
      AND NOT {cell}.scopes_cover(scopes, required_scopes) THEN 6
    WHEN (requests BETWEEN 0 AND 9007199254740991 AND tokens BETWEEN 0 AND 9007199254740991
      AND stt_secs BETWEEN 0 AND 9007199254740991) IS NOT TRUE THEN 10
    ELSE 0
  END::smallint
$$;
