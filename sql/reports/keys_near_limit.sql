-- Which keys are about to run out this month, or have?
--
-- Active keys at 80 % of a limit or more, the fullest first. Only those that have run out: add WHERE
-- n.remaining = 0. One organisation: WHERE n.provider_id = 'my-clinic'.
SELECT
  n.provider_id,
  n.key_id,
  n.friendly_name,
  n.environment,
  n.dimension,
  n.used,
  n.reserved,
  n.monthly_limit,
  n.remaining,
  n.share
FROM reporting.keys_near_limit AS n
ORDER BY n.share DESC, n.remaining, n.provider_id, n.key_id, n.dimension;
