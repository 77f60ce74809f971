-- The counters that limits are judged by, for people: names beside ids, limits beside what was used.
--
-- LEFT JOINs, because usage outlives the key and the organisation that it belongs to. Like every view of
-- `reporting`: it reads with its owner's rights, so that its readers need none on the tables; it calls no
-- function of keymeter, since those would run with the reader's rights; and CREATE OR REPLACE VIEW can
-- neither remove, rename nor move a column: new ones go to the end, anything else takes a migration that
-- drops the view first.
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
  CASE k.usage_limit WHEN 0 THEN 1 ELSE trunc(u.used_requests::numeric / k.usage_limit, 4) END,
  u.used_tokens, u.reserved_tokens, k.monthly_token_limit,
  CASE k.monthly_token_limit WHEN 0 THEN 1 ELSE trunc(u.used_tokens::numeric / k.monthly_token_limit, 4) END,
  u.used_stt_secs, u.reserved_stt_secs, k.monthly_stt_secs_limit,
  CASE k.monthly_stt_secs_limit
    WHEN 0 THEN 1 ELSE trunc(u.used_stt_secs::numeric / k.monthly_stt_secs_limit, 4)
  END,
  u.last_used_at
FROM {cell}.usage_monthly AS u
LEFT JOIN {cell}.organisations AS o ON o.organisation_id = u.organisation_id
LEFT JOIN {cell}.api_keys AS k ON k.organisation_id = u.organisation_id AND k.key_id = u.key_id
-- A change of a key that was not used makes an empty counter (bump_counter_version): that is no usage.
WHERE u.last_used_at IS NOT NULL OR u.used_requests > 0 OR u.used_tokens > 0 OR u.used_stt_secs > 0;

COMMENT ON VIEW reporting.monthly_usage IS
  'What each key used in each calendar month (UTC), beside its limits as they are now. Deleted keys '
  'included.';
COMMENT ON COLUMN reporting.monthly_usage.organisation_id IS
  'The tenant, org_…; stays when the organisation is deleted.';
COMMENT ON COLUMN reporting.monthly_usage.provider_id IS 'The tenant''s public id; NULL when it was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.organisation_name IS
  'The tenant''s name; NULL when it was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.key_id IS 'The key, key_…; stays when the key is deleted.';
COMMENT ON COLUMN reporting.monthly_usage.friendly_name IS 'The key''s name; NULL when it was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.environment IS
  'PRODUCTION, STAGING or DEVELOPMENT; NULL when the key was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.month IS 'The first day of the month.';
COMMENT ON COLUMN reporting.monthly_usage.requests_used IS
  'Requests used, those held by open reservations included.';
COMMENT ON COLUMN reporting.monthly_usage.requests_reserved IS
  'The part of requests_used that open reservations hold.';
COMMENT ON COLUMN reporting.monthly_usage.requests_limit IS
  'Requests a month that the key is allowed now, whatever it was then; NULL is unrestricted, or the key was '
  'deleted.';
COMMENT ON COLUMN reporting.monthly_usage.requests_share IS
  'requests_used / requests_limit, cut off after 4 digits; above 1 is over the limit. 1 where the limit is '
  '0, NULL where there is none.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_used IS
  'LLM tokens used, those held by open reservations included.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_reserved IS
  'The part of tokens_used that open reservations hold.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_limit IS
  'LLM tokens a month that the key is allowed now, whatever it was then; NULL is unrestricted, or the key '
  'was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.tokens_share IS
  'tokens_used / tokens_limit, cut off after 4 digits; above 1 is over the limit. 1 where the limit is 0, '
  'NULL where there is none.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_used IS
  'Seconds of speech used, those held by open reservations included.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_reserved IS
  'The part of stt_secs_used that open reservations hold.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_limit IS
  'Seconds of speech a month that the key is allowed now, whatever it was then; NULL is unrestricted, or the '
  'key was deleted.';
COMMENT ON COLUMN reporting.monthly_usage.stt_secs_share IS
  'stt_secs_used / stt_secs_limit, cut off after 4 digits; above 1 is over the limit. 1 where the limit is '
  '0, NULL where there is none.';
COMMENT ON COLUMN reporting.monthly_usage.last_used_at IS 'When the key was last charged in that month.';
