-- Which active keys did nobody use this month, or ever?
--
-- The longest unused first. Only those that were never used: add WHERE k.last_used_at IS NULL. Only those
-- that have been idle for a quarter: WHERE k.days_unused >= 90. One organisation:
-- WHERE k.provider_id = 'my-clinic'.
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
