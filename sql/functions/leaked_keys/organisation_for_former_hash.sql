-- The tenant of a key that had one of these hashes before a rotation. Reports of leaked secrets name no tenant.
--
-- SECURITY DEFINER for the same reason as organisation_for_hash.
CREATE OR REPLACE FUNCTION {cell}.organisation_for_former_hash(hashes bytea[]) RETURNS TABLE (organisation_id text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT f.organisation_id FROM {cell}.former_secrets AS f WHERE f.secret_hash = ANY (hashes)
$$;
