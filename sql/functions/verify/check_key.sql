-- Why a key may not be used for a request, limits aside: the first reason in the contract's order, NULL if it may.
-- Inlined into the statements that call it, which a SET clause or STRICT would prevent.
CREATE OR REPLACE FUNCTION {cell}.check_key(
  revoked_at timestamptz, expires_at timestamptz, valid_until timestamptz, judged_at timestamptz,
  environment text, required_environment text, scopes text[], required_scopes text,
  requests bigint, tokens bigint, stt_secs bigint, allowed_cidrs cidr[], address inet
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN revoked_at IS NOT NULL THEN 'revoked'
    WHEN expires_at <= judged_at OR valid_until <= judged_at THEN 'expired'
    -- IS NOT TRUE also rejects an unknown address.
    WHEN allowed_cidrs IS NOT NULL AND (address <<= ANY (allowed_cidrs)) IS NOT TRUE THEN 'address_not_allowed'
    WHEN environment <> required_environment THEN 'environment_mismatch'
    WHEN required_scopes IS NOT NULL AND NOT ('*' = ANY (scopes))
      AND NOT {cell}.scopes_cover(scopes, required_scopes) THEN 'scope_missing'
    WHEN (requests BETWEEN 0 AND 9007199254740991 AND tokens BETWEEN 0 AND 9007199254740991
      AND stt_secs BETWEEN 0 AND 9007199254740991) IS NOT TRUE THEN 'invalid_amount'
  END
$$;
