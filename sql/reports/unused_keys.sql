-- Which active keys were not used this month?
--
-- The longest unused first. For keys that were never used, add WHERE k.last_used_at IS NULL. For keys that were not used for
-- a quarter, add WHERE k.days_unused >= 90. For one organisation, add WHERE k.provider_id = 'my-clinic'.
SELECT
  k.provider_id,
  k.key_id,
  k.friendly_name,
  k.environment,
  k.root,
  k.created_at,
  k.last_used_at,
  k.days_unused
FROM reporting.unused_keys AS k
ORDER BY k.days_unused DESC, k.created_at, k.provider_id, k.key_id;
