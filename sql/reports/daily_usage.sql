-- What did each key use on each day?
--
-- Today and the thirty days before it (UTC). Other days: change the condition, such as
-- d.day BETWEEN DATE '2026-01-01' AND DATE '2026-01-31'. Keep one, for without it every month is read.
-- One organisation: add AND d.organisation_id = 'org_…', which reads that one's days alone. AND d.provider_id = 'my-clinic'
-- finds the same, after everybody's days have been added up. One key: AND d.organisation_id = 'org_…' AND d.key_id = 'key_…'.
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
