-- Adds an entry to an organisation's audit log, so that its entries can be seen in the order of their numbers and times.
--
-- Numbers are drawn before transactions commit, and now() is a transaction's beginning: without more, an entry could come
-- into sight behind others that somebody has read already, who would then never see it. So whoever appends holds the
-- log's head until the end of the transaction, and number and time are taken under that lock. It is to be the last lock
-- that a transaction waits for; changes of different organisations don't wait for each other.
--
-- SECURITY DEFINER because nobody else may lock the head, nor write an entry with a number or a time of its own choice.
CREATE OR REPLACE FUNCTION {cell}.append_audit(
  organisation text, principal text, principal_hint text, action text, target text, request_id text, changes jsonb
) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  moment timestamptz;
BEGIN
  PERFORM {cell}.require_tenant(organisation);
  -- An update's values are calculated behind the wait for the row.
  INSERT INTO {cell}.audit_heads AS h (organisation_id, last_occurred_at) VALUES (organisation, clock_timestamp())
  ON CONFLICT ON CONSTRAINT audit_heads_pkey DO UPDATE SET last_occurred_at = clock_timestamp()
  RETURNING h.last_occurred_at INTO moment;
  INSERT INTO {cell}.audit_log (
    organisation_id, occurred_at, principal, principal_hint, action, target, request_id, changes)
  VALUES (organisation, moment, principal, principal_hint, action, target, request_id, changes);
END
$$;
