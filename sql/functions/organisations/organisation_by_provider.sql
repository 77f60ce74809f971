-- The organisation with a provider id.
--
-- SECURITY DEFINER because no tenant is set yet. It returns one organisation at most.
CREATE OR REPLACE FUNCTION {cell}.organisation_by_provider(provider text)
RETURNS TABLE (organisation_id text, provider_id text, name text, created_at timestamptz)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT o.organisation_id, o.provider_id, o.name, o.created_at
  FROM {cell}.organisations AS o WHERE o.provider_id = provider
$$;
