-- The tenant of a key that had one of these hashes before a rotation; for reports of leaked values, which name no tenant.
-- With the owner's rights, as keymeter.organisation_for_hash.
CREATE OR REPLACE FUNCTION keymeter.organisation_for_former_hash(hashes bytea[]) RETURNS TABLE (organisation_id text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT f.organisation_id FROM keymeter.former_secrets AS f WHERE f.secret_hash = ANY (hashes)
$$;

REVOKE ALL ON FUNCTION keymeter.organisation_for_former_hash(bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keymeter.organisation_for_former_hash(bytea[]) TO keymeter_app;
