-- Appends an entry to an organisation's audit log. Entries become visible in the order of their numbers and times.
--
-- A sequence assigns numbers before commit, so a reader could see a later number and then miss an earlier one. The
-- organisation's audit_heads row stays locked until commit instead, and the number and the time are taken under that lock.
-- A transaction must take this lock last. Changes of different organisations don't wait for each other.
--
-- SECURITY DEFINER because no other role may lock the head, or choose an entry's number or time.
CREATE OR REPLACE FUNCTION {cell}.append_audit(
  organisation text, principal text, principal_hint text, action text, target text, request_id text, changes jsonb
) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  number bigint;
BEGIN
  PERFORM {cell}.require_tenant(organisation);
  INSERT INTO {cell}.audit_heads AS h (organisation_id, last_audit_id) VALUES (organisation, 1)
  ON CONFLICT ON CONSTRAINT audit_heads_pkey DO UPDATE SET last_audit_id = h.last_audit_id + 1
  RETURNING h.last_audit_id INTO number;
  INSERT INTO {cell}.audit_log (
    organisation_id, audit_id, occurred_at, principal, principal_hint, action, target, request_id, changes)
  VALUES (organisation, number, clock_timestamp(), principal, principal_hint, action, target, request_id, changes);
END
$$;
