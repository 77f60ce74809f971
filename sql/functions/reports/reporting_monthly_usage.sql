-- The monthly counters with names and limits.
--
-- LEFT JOINs, because usage outlives the key and its organisation. Every view of `reporting` reads with its owner's rights,
-- so its readers need none on the tables. It calls no function of the cell, because functions run with the reader's rights.
-- CREATE OR REPLACE VIEW can only add columns at the end. Any other change needs a migration that drops the view first.
CREATE OR REPLACE VIEW reporting.monthly_usage (
  organisation_id, provider_id, organisation_name, key_id, friendly_name, environment, month,
  requests_used, requests_reserved, requests_limit, requests_share,
  tokens_used, tokens_reserved, tokens_limit, tokens_share,
  stt_secs_used, stt_secs_reserved, stt_secs_limit, stt_secs_share,
  last_used_at
) AS
SELECT
  u.organisation_id, o.provider_id, o.name, u.key_id, k.friendly_name, k.environment, u.month,
  u.used_requests, u.reserved_requests, k.usage_limit,
  CASE WHEN k.usage_limit = 0 THEN 1 ELSE trunc(u.used_requests::numeric / k.usage_limit, 4) END,
  u.used_tokens, u.reserved_tokens, k.monthly_token_limit,
  CASE WHEN k.monthly_token_limit = 0 THEN 1 ELSE trunc(u.used_tokens::numeric / k.monthly_token_limit, 4) END,
  u.used_stt_secs, u.reserved_stt_secs, k.monthly_stt_secs_limit,
  CASE WHEN k.monthly_stt_secs_limit = 0 THEN 1 ELSE trunc(u.used_stt_secs::numeric / k.monthly_stt_secs_limit, 4) END,
  u.last_used_at
FROM {cell}.usage_monthly AS u
LEFT JOIN {cell}.organisations AS o ON o.organisation_id = u.organisation_id
LEFT JOIN {cell}.api_keys AS k ON k.organisation_id = u.organisation_id AND k.key_id = u.key_id
-- bump_counter_version may have created an empty counter, which is no usage.
WHERE u.last_used_at IS NOT NULL OR u.used_requests > 0 OR u.used_tokens > 0 OR u.used_stt_secs > 0;

COMMENT ON VIEW reporting.monthly_usage IS
  'Usage per key and calendar month (UTC), including deleted keys, with the key''s current limits.';
COMMENT ON COLUMN reporting.monthly_usage.organisation_id IS
  'The tenant, org_…. Kept when the organisation is deleted.';
COMMENT ON COLUMN reporting.monthly_usage.provider_id IS 'The tenant''s public id. NULL if it was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.organisation_name IS
  'The tenant''s name. NULL if it was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.key_id IS 'The key, key_…. Kept when the key is deleted.';
COMMENT ON COLUMN reporting.monthly_usage.friendly_name IS 'The key''s name. NULL if it was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.environment IS
  'PRODUCTION, STAGING or DEVELOPMENT. NULL if the key was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.month IS 'The first day of the month.';
COMMENT ON COLUMN reporting.monthly_usage.requests_used IS
  'Requests used, including open reservations.';
COMMENT ON COLUMN reporting.monthly_usage.requests_reserved IS
  'The part of requests_used that open reservations hold.';
COMMENT ON COLUMN reporting.monthly_usage.requests_limit IS
  'The key''s current limit in requests per month. NULL is unlimited, or the key was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.requests_share IS
  'requests_used / requests_limit, truncated to 4 digits. Above 1 is over the limit. 1 if the limit is 0, NULL without a limit.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_used IS
  'LLM tokens used, including open reservations.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_reserved IS
  'The part of tokens_used that open reservations hold.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_limit IS
  'The key''s current limit in LLM tokens per month. NULL is unlimited, or the key was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_share IS
  'tokens_used / tokens_limit, truncated to 4 digits. Above 1 is over the limit. 1 if the limit is 0, NULL without a limit.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_used IS
  'Seconds of speech used, including open reservations.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_reserved IS
  'The part of stt_secs_used that open reservations hold.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_limit IS
  'The key''s current limit in seconds of speech per month. NULL is unlimited, or the key was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_share IS
  'stt_secs_used / stt_secs_limit, truncated to 4 digits. Above 1 is over the limit. 1 if the limit is 0, NULL without a limit.';
COMMENT ON COLUMN reporting.monthly_usage.last_used_at IS 'When the key was last charged in that month.';
