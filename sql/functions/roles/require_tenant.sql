-- Fails (42501) unless the transaction has set this tenant. SECURITY DEFINER functions that act for a tenant call it, as
-- row-level security doesn't apply to them.
CREATE OR REPLACE FUNCTION {cell}.require_tenant(organisation text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (organisation = nullif(current_setting('keymeter.organisation_id', true), '')) IS NOT TRUE THEN
    RAISE EXCEPTION 'the transaction has not set this tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
END
$$;
