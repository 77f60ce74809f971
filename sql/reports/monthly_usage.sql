-- What did each key use in each month, and how much of its limits was that?
--
-- This month and the twelve before. For other months change the condition, for example to u.month = DATE '2026-01-01'. For
-- one organisation add AND u.provider_id = 'my-clinic'. For deleted organisations add AND u.provider_id IS NULL.
SELECT
  u.month,
  u.provider_id,
  u.organisation_id,
  u.key_id,
  u.friendly_name,
  u.environment,
  u.requests_used,
  u.requests_limit,
  u.requests_share,
  u.tokens_used,
  u.tokens_limit,
  u.tokens_share,
  u.stt_secs_used,
  u.stt_secs_limit,
  u.stt_secs_share,
  u.last_used_at
FROM reporting.monthly_usage AS u
WHERE u.month >= (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '12 months')::date
ORDER BY u.month DESC, u.provider_id NULLS LAST, u.organisation_id, u.key_id;
