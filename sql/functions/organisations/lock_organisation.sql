-- Holds off whatever else would end a key of the tenant, until the transaction ends. With the owner's rights, because a
-- role that may lock a row may also change it, and the server changes no organisation.
--
-- Not FOR UPDATE, which would hold off every new key as well.
CREATE OR REPLACE FUNCTION {cell}.lock_organisation(organisation text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM {cell}.require_tenant(organisation);
  PERFORM FROM {cell}.organisations AS o WHERE o.organisation_id = organisation FOR NO KEY UPDATE;
END
$$;
