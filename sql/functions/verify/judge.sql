-- One request's key and counter from one snapshot; always one row. `rejection` is why the key may not be used, limits
-- aside: in a batch, the requests before this one count against the limits too.
-- Inlined into the statements that call it, which a SET clause, STRICT or VOLATILE would prevent.
CREATE OR REPLACE FUNCTION {cell}.judge(
  hashes bytea[], provider text, requests bigint, tokens bigint, stt_secs bigint,
  required_scopes text, required_environment text, address inet, judged_at timestamptz, first_of_month date
)
RETURNS TABLE (
  rejection text, organisation_id text, key_id text, environment text, scopes text[],
  limit_requests bigint, limit_tokens bigint, limit_stt_secs bigint,
  used_requests bigint, used_tokens bigint, used_stt_secs bigint, last_day date, version xid, location tid
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT
    CASE
      WHEN s.key_id IS NOT NULL THEN {cell}.check_key(
        s.revoked_at, s.expires_at, s.valid_until, judged_at, s.environment, required_environment, s.scopes,
        required_scopes, requests, tokens, stt_secs, s.allowed_cidrs, address)
      WHEN provider IS NULL OR EXISTS (SELECT FROM {cell}.organisations AS o WHERE o.provider_id = provider)
        THEN 'unknown_key'
      ELSE 'unknown_provider'
    END,
    s.organisation_id, s.key_id, s.environment, s.scopes,
    s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit,
    coalesce(u.used_requests, 0), coalesce(u.used_tokens, 0), coalesce(u.used_stt_secs, 0),
    u.last_day, u.version, u.location
  FROM (VALUES (1)) AS always
  LEFT JOIN {cell}.api_key_secrets AS s
    ON s.secret_hash = ANY (hashes) AND (provider IS NULL OR EXISTS (
      SELECT FROM {cell}.organisations AS o
      WHERE o.organisation_id = s.organisation_id AND o.provider_id = provider))
  LEFT JOIN {cell}.counter_of(s.organisation_id, s.key_id, first_of_month) AS u ON true
$$;
