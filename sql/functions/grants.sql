-- Every right of keymeter_app and keymeter_reporting. `migrate` applies this file last, and again whenever a function has
-- changed. Rights that are not listed here are revoked.
REVOKE ALL ON ALL TABLES IN SCHEMA {cell}, keymeter_home, reporting FROM PUBLIC, keymeter_app, keymeter_reporting;

GRANT USAGE ON SCHEMA {cell}, keymeter_home TO keymeter_app;
-- The server compares the ledgers with its own files at start and for readiness. Doctor compares the schema with its record.
GRANT SELECT ON keymeter_home.schema_migrations, keymeter_home.schema_functions, keymeter_home.schema_objects
  TO keymeter_app;
GRANT EXECUTE ON FUNCTION keymeter_home.current_schema_objects() TO keymeter_app;
GRANT SELECT, INSERT ON keymeter_home.peppers TO keymeter_app;
GRANT SELECT ON {cell}.organisations TO keymeter_app;
GRANT SELECT, INSERT, DELETE ON {cell}.api_keys, {cell}.api_key_secrets TO keymeter_app;
-- Not the tenant, the key's id, its linkage id, nor whether it is a root key.
GRANT UPDATE (
  friendly_name, environment, scopes, usage_limit, monthly_token_limit, monthly_stt_secs_limit, key_hint, expires_at,
  revoked_at, last_used_at, allowed_cidrs
) ON {cell}.api_keys TO keymeter_app;
GRANT UPDATE (valid_until) ON {cell}.api_key_secrets TO keymeter_app;
GRANT SELECT, INSERT ON {cell}.former_secrets, {cell}.idempotency_keys TO keymeter_app;
GRANT UPDATE (reported_at) ON {cell}.former_secrets TO keymeter_app;
GRANT UPDATE (salt, sealed_answer, expires_at) ON {cell}.idempotency_keys TO keymeter_app;
-- Only functions append to the audit log, write counters, and reach reservations and usage events.
GRANT SELECT ON {cell}.audit_log, {cell}.usage_monthly, {cell}.usage_daily TO keymeter_app;

GRANT USAGE ON SCHEMA reporting TO keymeter_reporting;
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO keymeter_reporting;

-- Functions start without EXECUTE for PUBLIC, by the default privileges of keymeter_owner. The helpers that are not listed
-- here are called only by functions that run with the owner's rights.
DO $$
DECLARE
  callable constant text[] := ARRAY[
    'admit', 'admit_groups', 'admit_many', 'append_audit', 'authenticate', 'bump_counter_version',
    'claim_idempotency_key', 'delete_key', 'ensure_usage_partitions', 'expire_reservations', 'insert_key',
    'key_count_by_pepper', 'key_owner', 'lock_key', 'lock_organisation', 'mark_key_used', 'month_of',
    'organisation_by_provider', 'organisation_for_former_hash', 'organisation_for_hash', 'purge_idempotency_keys',
    'purge_reservations', 'purge_usage_events', 'record', 'rehash_secret', 'reserve', 'revoke_key', 'rotate_key',
    'settle', 'stale_secret_count', 'update_key', 'usage', 'usage_analytics'];
  function regprocedure;
BEGIN
  REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {cell} FROM keymeter_app, keymeter_reporting;
  FOR function IN
    SELECT p.oid FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = '{cell}'::regnamespace AND p.proname = ANY (callable)
  LOOP
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO keymeter_app', function);
  END LOOP;
END
$$;
