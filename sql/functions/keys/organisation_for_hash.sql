-- The tenant of a caller that names none, before the tenant is known: a hash belongs to one key alone, and whoever has
-- it knows the key. With the owner's rights.
CREATE OR REPLACE FUNCTION {cell}.organisation_for_hash(hashes bytea[]) RETURNS TABLE (organisation_id text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT s.organisation_id FROM {cell}.api_key_secrets AS s WHERE s.secret_hash = ANY (hashes)
$$;
