-- What did each key use on each day?
--
-- Today and the thirty days before (UTC). For other days change the condition, for example to
-- d.day BETWEEN DATE '2026-01-01' AND DATE '2026-01-31'. Without a condition on the day every month is read.
-- For one organisation add AND d.organisation_id = 'org_…', which reads only its days. AND d.provider_id = 'my-clinic' gives
-- the same result, but reads those of all organisations. For one key add AND d.organisation_id = 'org_…' AND d.key_id = 'key_…'.
SELECT
  d.day,
  d.provider_id,
  d.organisation_id,
  d.key_id,
  d.friendly_name,
  d.environment,
  d.requests,
  d.tokens,
  d.stt_secs
FROM reporting.daily_usage AS d
WHERE d.day >= (now() AT TIME ZONE 'UTC')::date - 30
ORDER BY d.day DESC, d.provider_id NULLS LAST, d.organisation_id, d.key_id;
