-- Which keys use most this month, in each dimension?
--
-- The first twenty of each. For more, change the condition. For one dimension add AND t.dimension = 'tokens'. For the keys of
-- one organisation, ranked among all, add AND t.provider_id = 'my-clinic'.
SELECT
  t.dimension,
  t.rank,
  t.provider_id,
  t.organisation_id,
  t.key_id,
  t.friendly_name,
  t.environment,
  t.used,
  t.share_of_total
FROM reporting.top_consumers AS t
WHERE t.rank <= 20
ORDER BY t.dimension, t.rank, t.provider_id NULLS LAST, t.organisation_id, t.key_id;
