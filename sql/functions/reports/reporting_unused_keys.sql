-- Keys that could probably be revoked. reporting_monthly_usage.sql explains the views in general.
--
-- A charge counts as use (usage_monthly), and so does a management call (api_keys.last_used_at): a root key is never charged.
CREATE OR REPLACE VIEW reporting.unused_keys (
  organisation_id, provider_id, organisation_name, key_id, friendly_name, environment, root,
  created_at, last_used_at, days_unused
) AS
SELECT
  k.organisation_id, o.provider_id, o.name, k.key_id, k.friendly_name, k.environment, k.root,
  k.created_at, x.last_used_at,
  extract(day FROM statement_timestamp() - coalesce(x.last_used_at, k.created_at))::integer
FROM {cell}.api_keys AS k
JOIN {cell}.organisations AS o ON o.organisation_id = k.organisation_id
CROSS JOIN LATERAL (
  SELECT
    greatest(k.last_used_at, max(u.last_used_at)) AS last_used_at,
    coalesce(
      bool_or(u.used_requests > 0 OR u.used_tokens > 0 OR u.used_stt_secs > 0) FILTER (
        WHERE u.month = date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC')::date),
      false) AS charged_this_month
  FROM {cell}.usage_monthly AS u
  WHERE u.organisation_id = k.organisation_id AND u.key_id = k.key_id
) AS x
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
  AND NOT x.charged_this_month
  AND (x.last_used_at IS NULL
    OR x.last_used_at < date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC');

COMMENT ON VIEW reporting.unused_keys IS
  'Active keys that were not used in the current month (UTC).';
COMMENT ON COLUMN reporting.unused_keys.organisation_id IS 'The tenant, org_….';
COMMENT ON COLUMN reporting.unused_keys.provider_id IS 'The tenant''s public id.';
COMMENT ON COLUMN reporting.unused_keys.organisation_name IS 'The tenant''s name.';
COMMENT ON COLUMN reporting.unused_keys.key_id IS 'The key, key_….';
COMMENT ON COLUMN reporting.unused_keys.friendly_name IS 'The key''s name.';
COMMENT ON COLUMN reporting.unused_keys.environment IS 'PRODUCTION, STAGING or DEVELOPMENT.';
COMMENT ON COLUMN reporting.unused_keys.root IS 'Whether the key manages the organisation.';
COMMENT ON COLUMN reporting.unused_keys.created_at IS 'When the key was issued.';
COMMENT ON COLUMN reporting.unused_keys.last_used_at IS
  'When the key was last charged or used for a management call. NULL is never.';
COMMENT ON COLUMN reporting.unused_keys.days_unused IS
  'Whole days since last_used_at, or since created_at if the key was never used.';
