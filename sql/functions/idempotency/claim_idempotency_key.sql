-- Looks an Idempotency-Key up and holds it until the transaction ends, on whichever node: outcome is free, in_flight or
-- answered, the last with the answer.
--
-- The hold is an advisory lock, because it is the one thing that shows another transaction's claim without waiting for
-- it: an uncommitted row is invisible to SELECT … FOR UPDATE NOWAIT, and INSERT … ON CONFLICT waits for it. It belongs
-- to the transaction, not to the session, so a pooler between transactions does it no harm. PostgreSQL lets go of it
-- only after the transaction's rows can be seen, and the look-up is a statement of its own behind it, so whoever gets
-- the lock next sees the answer. Two names that share a lock (64 of 256 bits) would merely be told to try again, and if
-- all of this failed, the table's primary key would still let one of two effects commit.
CREATE OR REPLACE FUNCTION {cell}.claim_idempotency_key(
  organisation text, calling_key text, name bytea, OUT outcome text, OUT salt bytea, OUT sealed_answer bytea
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  IF NOT pg_try_advisory_xact_lock(('x' || encode(substring(name FOR 8), 'hex'))::bit(64)::bigint) THEN
    outcome := 'in_flight';
    RETURN;
  END IF;
  SELECT 'answered', i.salt, i.sealed_answer INTO outcome, salt, sealed_answer
  FROM {cell}.idempotency_keys AS i
  WHERE i.organisation_id = organisation AND i.key_id = calling_key AND i.name_hash = name
    AND i.expires_at > statement_timestamp();
  outcome := coalesce(outcome, 'free');
END
$$;
