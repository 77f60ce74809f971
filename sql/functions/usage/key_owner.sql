-- Whose a key is, which decides between forbidden and unknown; with the owner's rights. A key that lives belongs to
-- whoever has it; a deleted one is known by its usage, to its own organisation only.
CREATE OR REPLACE FUNCTION keymeter.key_owner(key text, organisation text) RETURNS TABLE (organisation_id text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.organisation_id FROM keymeter.api_keys AS k WHERE k.key_id = key
  UNION ALL
  (SELECT u.organisation_id FROM keymeter.usage_monthly AS u
   WHERE u.organisation_id = organisation AND u.key_id = key LIMIT 1)
  LIMIT 1
$$;

REVOKE ALL ON FUNCTION keymeter.key_owner(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keymeter.key_owner(text, text) TO keymeter_app;
