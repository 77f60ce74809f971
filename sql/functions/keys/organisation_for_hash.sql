-- The tenant of a caller that names none: a hash belongs to exactly one key.
--
-- SECURITY DEFINER because no tenant is set yet. A caller that has the hash also has the key.
CREATE OR REPLACE FUNCTION {cell}.organisation_for_hash(hashes bytea[]) RETURNS TABLE (organisation_id text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT s.organisation_id FROM {cell}.api_key_secrets AS s WHERE s.secret_hash = ANY (hashes)
$$;
