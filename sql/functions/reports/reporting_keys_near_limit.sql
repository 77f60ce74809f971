-- Keys that are about to be rejected for a limit. reporting_monthly_usage.sql explains the views in general.
--
-- Only active keys, because the others are rejected anyway. A limit of 0 is intended, so it is listed only if the key used
-- something nevertheless.
CREATE OR REPLACE VIEW reporting.keys_near_limit (
  organisation_id, provider_id, organisation_name, key_id, friendly_name, environment, month,
  dimension, used, reserved, monthly_limit, remaining, share
) AS
SELECT
  u.organisation_id, o.provider_id, o.name, u.key_id, k.friendly_name, k.environment, u.month,
  m.dimension, m.used, m.reserved, m.monthly_limit, greatest(m.monthly_limit - m.used, 0),
  CASE WHEN m.monthly_limit = 0 THEN 1 ELSE trunc(m.used::numeric / m.monthly_limit, 4) END
FROM {cell}.usage_monthly AS u
JOIN {cell}.api_keys AS k ON k.organisation_id = u.organisation_id AND k.key_id = u.key_id
JOIN {cell}.organisations AS o ON o.organisation_id = u.organisation_id
CROSS JOIN LATERAL (
  VALUES
    ('requests', u.used_requests, u.reserved_requests, k.usage_limit),
    ('tokens', u.used_tokens, u.reserved_tokens, k.monthly_token_limit),
    ('stt_secs', u.used_stt_secs, u.reserved_stt_secs, k.monthly_stt_secs_limit)
) AS m (dimension, used, reserved, monthly_limit)
WHERE u.month = date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date
  AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
  AND m.used > 0 AND m.used >= 0.8 * m.monthly_limit;

COMMENT ON VIEW reporting.keys_near_limit IS
  'Active keys that have used at least 80 % of a limit in the current month (UTC), with one row per key and dimension.';
COMMENT ON COLUMN reporting.keys_near_limit.organisation_id IS 'The tenant, org_….';
COMMENT ON COLUMN reporting.keys_near_limit.provider_id IS 'The tenant''s public id.';
COMMENT ON COLUMN reporting.keys_near_limit.organisation_name IS 'The tenant''s name.';
COMMENT ON COLUMN reporting.keys_near_limit.key_id IS 'The key, key_….';
COMMENT ON COLUMN reporting.keys_near_limit.friendly_name IS 'The key''s name.';
COMMENT ON COLUMN reporting.keys_near_limit.environment IS 'PRODUCTION, STAGING or DEVELOPMENT.';
COMMENT ON COLUMN reporting.keys_near_limit.month IS 'The first day of the current month.';
COMMENT ON COLUMN reporting.keys_near_limit.dimension IS 'The limited dimension: requests, tokens or stt_secs.';
COMMENT ON COLUMN reporting.keys_near_limit.used IS
  'The amount used, including open reservations.';
COMMENT ON COLUMN reporting.keys_near_limit.reserved IS 'The part of used that open reservations hold.';
COMMENT ON COLUMN reporting.keys_near_limit.monthly_limit IS 'The key''s monthly limit of the dimension.';
COMMENT ON COLUMN reporting.keys_near_limit.remaining IS
  'What is left of the limit. 0 if the key is at or over it.';
COMMENT ON COLUMN reporting.keys_near_limit.share IS
  'used / monthly_limit, cut off after 4 digits; above 1 is over the limit. 1 where the limit is 0.';
