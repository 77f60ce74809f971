-- Usage per day. A query needs a condition on `day` to skip partitions. The counters are always read, because each holds its
-- last day. reporting_monthly_usage.sql explains the views in general.
CREATE OR REPLACE VIEW reporting.daily_usage (
  organisation_id, provider_id, organisation_name, key_id, friendly_name, environment, day,
  requests, tokens, stt_secs
) AS
SELECT
  d.organisation_id, o.provider_id, o.name, d.key_id, k.friendly_name, k.environment, d.day,
  d.requests, d.tokens, d.stt_secs
FROM {cell}.usage_by_day AS d
LEFT JOIN {cell}.organisations AS o ON o.organisation_id = d.organisation_id
LEFT JOIN {cell}.api_keys AS k ON k.organisation_id = d.organisation_id AND k.key_id = d.key_id;

COMMENT ON VIEW reporting.daily_usage IS
  'Usage per key and day (UTC), including deleted keys. Its sum is reporting.monthly_usage, except for months that '
  'retention has dropped.';
COMMENT ON COLUMN reporting.daily_usage.organisation_id IS
  'The tenant, org_…. Kept when the organisation is deleted.';
COMMENT ON COLUMN reporting.daily_usage.provider_id IS 'The tenant''s public id. NULL if it was deleted.';
COMMENT ON COLUMN reporting.daily_usage.organisation_name IS 'The tenant''s name. NULL if it was deleted.';
COMMENT ON COLUMN reporting.daily_usage.key_id IS 'The key, key_…. Kept when the key is deleted.';
COMMENT ON COLUMN reporting.daily_usage.friendly_name IS 'The key''s name. NULL if it was deleted.';
COMMENT ON COLUMN reporting.daily_usage.environment IS
  'PRODUCTION, STAGING or DEVELOPMENT. NULL if the key was deleted.';
COMMENT ON COLUMN reporting.daily_usage.day IS 'The day.';
COMMENT ON COLUMN reporting.daily_usage.requests IS
  'Requests used, including open reservations.';
COMMENT ON COLUMN reporting.daily_usage.tokens IS
  'LLM tokens used, including open reservations.';
COMMENT ON COLUMN reporting.daily_usage.stt_secs IS
  'Seconds of speech used, including open reservations.';
