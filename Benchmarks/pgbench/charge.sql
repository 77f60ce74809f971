-- One charge per transaction, as an application without Keymeter would write it: authenticate by the secret's hash, check the
-- key and its limits, and charge the counters of the month and the day, which exist. It is one statement and commits by itself.
-- pgbench computes the secrets' hashes from a number. `keys` is the number of keys.
\set n random(1, :keys)
WITH judged AS (
  SELECT s.organisation_id, s.key_id, s.environment, s.scopes, s.usage_limit, s.monthly_token_limit,
    s.monthly_stt_secs_limit
  FROM keymeter.api_key_secrets AS s
  WHERE s.secret_hash = sha256(int8send(:n))
    AND (s.valid_until IS NULL OR s.valid_until > now())
    AND (s.expires_at IS NULL OR s.expires_at > now())
    AND s.revoked_at IS NULL
),
charged AS (
  UPDATE keymeter.usage_monthly AS u
  SET used_requests = u.used_requests + 1, day_requests = u.day_requests + 1, last_used_at = now()
  FROM judged AS j
  WHERE u.organisation_id = j.organisation_id AND u.key_id = j.key_id
    AND u.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date AND u.day = (now() AT TIME ZONE 'UTC')::date
    AND (j.usage_limit IS NULL OR u.used_requests + 1 <= j.usage_limit)
    AND (j.monthly_token_limit IS NULL OR u.used_tokens <= j.monthly_token_limit)
    AND (j.monthly_stt_secs_limit IS NULL OR u.used_stt_secs <= j.monthly_stt_secs_limit)
  RETURNING u.organisation_id, u.key_id, u.used_requests, u.used_tokens, u.used_stt_secs
)
SELECT c.organisation_id, c.key_id, j.environment, j.scopes, j.usage_limit, j.monthly_token_limit,
  j.monthly_stt_secs_limit, c.used_requests, c.used_tokens, c.used_stt_secs
FROM charged AS c CROSS JOIN judged AS j;
