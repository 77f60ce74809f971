-- Whose a key is, which decides between forbidden and unknown; with the owner's rights. A key that lives belongs to
-- whoever has it; a deleted one is known by its usage, to its own organisation only.
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
