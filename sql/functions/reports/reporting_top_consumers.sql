-- The keys with the highest usage. Keys that were deleted this month are ranked too. reporting_monthly_usage.sql explains
-- the views in general.
CREATE OR REPLACE VIEW reporting.top_consumers (
  month, dimension, rank, organisation_id, provider_id, organisation_name, key_id, friendly_name, environment,
  used, share_of_total
) AS
SELECT
  u.month, m.dimension, rank() OVER everyone, u.organisation_id, o.provider_id, o.name, u.key_id,
  k.friendly_name, k.environment, m.used, round(m.used / sum(m.used) OVER (PARTITION BY m.dimension), 4)
FROM {cell}.usage_monthly AS u
LEFT JOIN {cell}.organisations AS o ON o.organisation_id = u.organisation_id
LEFT JOIN {cell}.api_keys AS k ON k.organisation_id = u.organisation_id AND k.key_id = u.key_id
CROSS JOIN LATERAL (
  VALUES ('requests', u.used_requests), ('tokens', u.used_tokens), ('stt_secs', u.used_stt_secs)
) AS m (dimension, used)
WHERE u.month = date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date AND m.used > 0
WINDOW everyone AS (PARTITION BY m.dimension ORDER BY m.used DESC);

COMMENT ON VIEW reporting.top_consumers IS
  'Every key with usage in the current month (UTC), ranked per dimension across all organisations.';
COMMENT ON COLUMN reporting.top_consumers.month IS 'The first day of the current month.';
COMMENT ON COLUMN reporting.top_consumers.dimension IS 'The dimension: requests, tokens or stt_secs.';
COMMENT ON COLUMN reporting.top_consumers.rank IS
  '1 for the highest usage. Keys with equal usage share a rank, and the next ranks are skipped.';
COMMENT ON COLUMN reporting.top_consumers.organisation_id IS
  'The tenant, org_…. Kept when the organisation is deleted.';
COMMENT ON COLUMN reporting.top_consumers.provider_id IS 'The tenant''s public id. NULL if it was deleted.';
COMMENT ON COLUMN reporting.top_consumers.organisation_name IS
  'The tenant''s name. NULL if it was deleted.';
COMMENT ON COLUMN reporting.top_consumers.key_id IS 'The key, key_…. Kept when the key is deleted.';
COMMENT ON COLUMN reporting.top_consumers.friendly_name IS 'The key''s name. NULL if it was deleted.';
COMMENT ON COLUMN reporting.top_consumers.environment IS
  'PRODUCTION, STAGING or DEVELOPMENT. NULL if the key was deleted.';
COMMENT ON COLUMN reporting.top_consumers.used IS
  'The amount used, including open reservations.';
COMMENT ON COLUMN reporting.top_consumers.share_of_total IS
  'The share of the usage of all keys in this dimension, from 0 to 1, rounded to 4 digits.';
