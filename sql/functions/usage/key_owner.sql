-- The organisation of a key, which decides between 403 and 404. A deleted key is known by its usage, and only to its own
-- organisation.
--
-- SECURITY DEFINER because the key may belong to another tenant.
CREATE OR REPLACE FUNCTION {cell}.key_owner(key text, organisation text) RETURNS TABLE (organisation_id text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.organisation_id FROM {cell}.api_keys AS k WHERE k.key_id = key
  UNION ALL
  (SELECT u.organisation_id FROM {cell}.usage_monthly AS u
   WHERE u.organisation_id = organisation AND u.key_id = key LIMIT 1)
  LIMIT 1
$$;
