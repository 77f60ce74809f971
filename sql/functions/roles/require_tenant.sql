-- For functions that run with the owner's rights on behalf of one tenant: refuses (42501) any other tenant than the one
-- that the transaction has named, as row-level security would.
CREATE OR REPLACE FUNCTION {cell}.require_tenant(organisation text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (organisation = nullif(current_setting('keymeter.organisation_id', true), '')) IS NOT TRUE THEN
    RAISE EXCEPTION 'the transaction has not named this organisation' USING ERRCODE = 'insufficient_privilege';
  END IF;
END
$$;
