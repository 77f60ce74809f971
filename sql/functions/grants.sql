-- Which functions the server may call. `migrate` applies this file last, and again whenever a function has changed.
--
-- Functions start without EXECUTE for PUBLIC (default privileges of keymeter_owner), so every other function stays
-- internal: functions and views that run with the owner's rights call them.
DO $$
DECLARE
  callable constant text[] := ARRAY[
    'admit', 'admit_groups', 'admit_many', 'append_audit', 'bump_counter_version', 'claim_idempotency_key',
    'differing_key_facts', 'ensure_usage_partitions', 'expire_reservations', 'key_count_by_pepper', 'key_owner',
    'lock_organisation', 'month_of', 'organisation_by_provider', 'organisation_for_former_hash',
    'organisation_for_hash', 'purge_idempotency_keys', 'purge_reservations', 'purge_usage_events', 'record',
    'renew_secret', 'reserve', 'settle', 'usage', 'usage_analytics'];
  function regprocedure;
BEGIN
  FOR function IN
    SELECT p.oid FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = '{cell}'::regnamespace AND p.proname = ANY (callable)
  LOOP
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO keymeter_app', function);
  END LOOP;
END
$$;

-- Entries are appended by append_audit alone.
REVOKE INSERT ON {cell}.audit_log FROM keymeter_app;
