-- Who is about to be refused. reporting_monthly_usage.sql says what holds for every view of `reporting`.
--
-- Only keys that still authenticate: the others are refused already. A limit of 0 is a decision, not
-- something that a key drew near to, and so is only listed once the key used something in spite of it.
CREATE OR REPLACE VIEW reporting.keys_near_limit (
  organisation_id, provider_id, organisation_name, key_id, friendly_name, environment, month,
  dimension, used, reserved, monthly_limit, remaining, share
) AS
SELECT
  u.organisation_id, o.provider_id, o.name, u.key_id, k.friendly_name, k.environment, u.month,
  m.dimension, m.used, m.reserved, m.monthly_limit, greatest(m.monthly_limit - m.used, 0),
  CASE m.monthly_limit WHEN 0 THEN 1 ELSE trunc(m.used::numeric / m.monthly_limit, 4) END
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
  'Active keys that have used 80 % or more of a limit in the current month (UTC): one row a key and '
  'dimension.';
COMMENT ON COLUMN reporting.keys_near_limit.organisation_id IS 'The tenant, org_….';
COMMENT ON COLUMN reporting.keys_near_limit.provider_id IS 'The tenant''s public id.';
COMMENT ON COLUMN reporting.keys_near_limit.organisation_name IS 'The tenant''s name.';
COMMENT ON COLUMN reporting.keys_near_limit.key_id IS 'The key, key_….';
COMMENT ON COLUMN reporting.keys_near_limit.friendly_name IS 'The key''s name.';
COMMENT ON COLUMN reporting.keys_near_limit.environment IS 'PRODUCTION, STAGING or DEVELOPMENT.';
COMMENT ON COLUMN reporting.keys_near_limit.month IS 'The first day of the current month.';
COMMENT ON COLUMN reporting.keys_near_limit.dimension IS 'What is running out: requests, tokens or stt_secs.';
COMMENT ON COLUMN reporting.keys_near_limit.used IS
  'Used of it, the amounts held by open reservations included.';
COMMENT ON COLUMN reporting.keys_near_limit.reserved IS 'The part of used that open reservations hold.';
COMMENT ON COLUMN reporting.keys_near_limit.monthly_limit IS 'How much of it the key is allowed a month.';
COMMENT ON COLUMN reporting.keys_near_limit.remaining IS
  'What is left of it; 0 when the key is at or over its limit.';
COMMENT ON COLUMN reporting.keys_near_limit.share IS
  'used / monthly_limit, cut off after 4 digits; above 1 is over the limit. 1 where the limit is 0.';
