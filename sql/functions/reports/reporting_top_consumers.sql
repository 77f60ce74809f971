-- Who uses most. reporting_monthly_usage.sql says what holds for every view of `reporting`: a key that was
-- deleted this month is ranked too, since what it used was used.
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
  'Every key that used something in the current month (UTC), ranked in each dimension across all '
  'organisations.';
COMMENT ON COLUMN reporting.top_consumers.month IS 'The first day of the current month.';
COMMENT ON COLUMN reporting.top_consumers.dimension IS 'What was used: requests, tokens or stt_secs.';
COMMENT ON COLUMN reporting.top_consumers.rank IS
  '1 for the key that used most of the dimension; keys that used the same share a rank, and the next ones '
  'are skipped.';
COMMENT ON COLUMN reporting.top_consumers.organisation_id IS
  'The tenant, org_…; stays when the organisation is deleted.';
COMMENT ON COLUMN reporting.top_consumers.provider_id IS 'The tenant''s public id; NULL when it was deleted.';
COMMENT ON COLUMN reporting.top_consumers.organisation_name IS
  'The tenant''s name; NULL when it was deleted.';
COMMENT ON COLUMN reporting.top_consumers.key_id IS 'The key, key_…; stays when the key is deleted.';
COMMENT ON COLUMN reporting.top_consumers.friendly_name IS 'The key''s name; NULL when it was deleted.';
COMMENT ON COLUMN reporting.top_consumers.environment IS
  'PRODUCTION, STAGING or DEVELOPMENT; NULL when the key was deleted.';
COMMENT ON COLUMN reporting.top_consumers.used IS
  'Used of it, the amounts held by open reservations included.';
COMMENT ON COLUMN reporting.top_consumers.share_of_total IS
  'The part of what all keys together used of it, from 0 to 1, rounded to 4 digits.';
