-- Adds an entry to an organisation's audit log, so that its entries can be seen in the order of their numbers and times.
--
-- Numbers are drawn before transactions commit, and now() is a transaction's beginning: without more, an entry could come
-- into sight behind others that somebody has read already, who would then never see it. So whoever appends holds the
-- organisation's log until the end of the transaction, and number and time are taken under that lock. It is to be the
-- last lock that a transaction waits for; changes of different organisations don't wait for each other.
CREATE OR REPLACE FUNCTION keymeter.append_audit(
  organisation text, principal text, principal_hint text, action text, target text, request_id text, changes jsonb
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('keymeter.audit_log ' || organisation, 0));
  INSERT INTO keymeter.audit_log (
    organisation_id, occurred_at, principal, principal_hint, action, target, request_id, changes)
  VALUES (organisation, clock_timestamp(), principal, principal_hint, action, target, request_id, changes);
END
$$;

REVOKE ALL ON FUNCTION keymeter.append_audit(text, text, text, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keymeter.append_audit(text, text, text, text, text, text, jsonb) TO keymeter_app;
