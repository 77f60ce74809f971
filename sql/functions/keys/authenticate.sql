-- Looks up a presented key and sets the tenant until the transaction ends, in one round trip. Runs with the caller's rights.
--
--   provider_known  whether an organisation has the given provider id; true if none is given
--   key             NULL if no key (of that organisation) has one of the hashes; of any status otherwise
--   secret_ended    the secret no longer authenticates
--   superseded      a rotation has replaced the secret, which may still be valid during an overlap
--   used_*          the key's usage in the current month
--
-- lock takes FOR SHARE on the secret: rotating, revoking or deleting the key then waits for this transaction. They change the
-- secret's row before the key's. We read after the lock, by a new snapshot, and so see what they committed.
-- mark_used records the use.
CREATE OR REPLACE FUNCTION {cell}.authenticate(
  hashes bytea[], provider text, lock boolean, mark_used boolean,
  OUT provider_known boolean, OUT key {cell}.api_keys, OUT secret_ended boolean, OUT superseded boolean,
  OUT used_requests bigint, OUT used_tokens bigint, OUT used_stt_secs bigint, OUT read_at timestamptz
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  tenant text;
  required text;
  stored record;
BEGIN
  read_at := statement_timestamp();
  IF provider IS NOT NULL THEN
    SELECT o.organisation_id INTO required FROM {cell}.organisation_by_provider(provider) AS o;
  END IF;
  provider_known := provider IS NULL OR required IS NOT NULL;
  SELECT o.organisation_id INTO tenant FROM {cell}.organisation_for_hash(hashes) AS o;
  IF NOT provider_known OR tenant IS NULL OR tenant <> required THEN
    RETURN;
  END IF;
  -- Plans for this tenant: a generic plan assumes an average one, and scans all keys of a large one.
  PERFORM set_config('keymeter.organisation_id', tenant, true), set_config('plan_cache_mode', 'force_custom_plan', true);
  IF lock THEN
    PERFORM FROM {cell}.api_key_secrets AS s
    WHERE s.organisation_id = tenant AND s.secret_hash = ANY (hashes) FOR SHARE;
  END IF;
  -- One statement, so that a concurrent rotation can't remove the secret between two reads.
  SELECT k AS key, s.valid_until, coalesce(u.used_requests, 0) AS requests, coalesce(u.used_tokens, 0) AS tokens,
    coalesce(u.used_stt_secs, 0) AS stt_secs
  INTO stored
  FROM {cell}.api_key_secrets AS s
  JOIN {cell}.api_keys AS k ON k.organisation_id = s.organisation_id AND k.key_id = s.key_id
  LEFT JOIN {cell}.usage_monthly AS u ON u.organisation_id = s.organisation_id AND u.key_id = s.key_id
    AND u.month = {cell}.month_of((read_at AT TIME ZONE 'UTC')::date)
  WHERE s.organisation_id = tenant AND s.secret_hash = ANY (hashes);
  IF NOT FOUND THEN
    RETURN;
  END IF;
  key := stored.key;
  superseded := stored.valid_until IS NOT NULL;
  secret_ended := superseded AND stored.valid_until <= read_at;
  used_requests := stored.requests;
  used_tokens := stored.tokens;
  used_stt_secs := stored.stt_secs;
  IF mark_used THEN
    PERFORM {cell}.mark_key_used(tenant, key.key_id);
  END IF;
  key.last_used_at := greatest(key.last_used_at, (
    SELECT max(u.last_used_at) FROM {cell}.usage_monthly AS u
    WHERE u.organisation_id = tenant AND u.key_id = key.key_id));
END
$$;
