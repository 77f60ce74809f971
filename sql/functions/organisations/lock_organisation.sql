-- Serialises the operations that can end a key of the tenant, until the transaction ends. FOR UPDATE would also block the
-- creation of keys.
--
-- SECURITY DEFINER because a role that may lock a row may also update it, and the server updates no organisation.
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
