-- Looks up an Idempotency-Key and holds it until the transaction ends. The outcome is free, in_flight or answered, the last
-- with the stored response.
--
-- The hold is an advisory lock, because it shows another transaction's claim without waiting: an uncommitted row is
-- invisible to SELECT … FOR UPDATE NOWAIT, and INSERT … ON CONFLICT waits for it. The lock belongs to the transaction, so a
-- connection pooler does no harm. PostgreSQL releases it after the transaction's rows are visible, and the lookup is a
-- separate statement, so the next holder sees the response. Two names with the same lock (64 of 256 bits) only cause a
-- retry. The primary key would still let only one of two effects commit.
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
