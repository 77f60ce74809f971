-- Which keys are near or over a limit this month?
--
-- Active keys at 80 % of a limit or more, the highest share first. For exhausted keys only, add WHERE n.remaining = 0. For one
-- organisation, add WHERE n.provider_id = 'my-clinic'.
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
