-- Keeps the denormalised columns of api_key_secrets equal to api_keys. The triggers apply to every writer, so no statement
-- can store a secret that is checked against other values than its key's.

-- Overwrites the columns of a new or changed secret with those of its key. The key's row is locked: this waits for a
-- concurrent change of the key, and a later change finds the secret.
CREATE OR REPLACE FUNCTION {cell}.copy_key_columns() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  SELECT k.environment, k.scopes, k.usage_limit, k.monthly_token_limit, k.monthly_stt_secs_limit, k.expires_at,
    k.revoked_at, k.allowed_cidrs
  INTO NEW.environment, NEW.scopes, NEW.usage_limit, NEW.monthly_token_limit, NEW.monthly_stt_secs_limit, NEW.expires_at,
    NEW.revoked_at, NEW.allowed_cidrs
  FROM {cell}.api_keys AS k
  WHERE k.organisation_id = NEW.organisation_id AND k.key_id = NEW.key_id
  FOR SHARE;
  RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER api_key_secrets_copy_key_columns
BEFORE INSERT OR UPDATE OF organisation_id, key_id, environment, scopes, usage_limit, monthly_token_limit,
  monthly_stt_secs_limit, expires_at, revoked_at, allowed_cidrs
ON {cell}.api_key_secrets
FOR EACH ROW EXECUTE FUNCTION {cell}.copy_key_columns();

-- Copies a changed key to its secrets. A transaction with a single snapshot (REPEATABLE READ) would miss a secret that was
-- added after it began, so only READ COMMITTED is accepted.
CREATE OR REPLACE FUNCTION {cell}.propagate_key_columns() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a key can only be changed in a READ COMMITTED transaction'
      USING ERRCODE = 'invalid_transaction_state',
        HINT = 'A secret added concurrently would keep the old values.';
  END IF;
  UPDATE {cell}.api_key_secrets AS s
  SET environment = NEW.environment, scopes = NEW.scopes, usage_limit = NEW.usage_limit,
    monthly_token_limit = NEW.monthly_token_limit, monthly_stt_secs_limit = NEW.monthly_stt_secs_limit,
    expires_at = NEW.expires_at, revoked_at = NEW.revoked_at, allowed_cidrs = NEW.allowed_cidrs
  WHERE s.organisation_id = NEW.organisation_id AND s.key_id = NEW.key_id;
  RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER api_keys_propagate_key_columns
AFTER UPDATE ON {cell}.api_keys
FOR EACH ROW
WHEN (
  (OLD.environment, OLD.scopes, OLD.usage_limit, OLD.monthly_token_limit, OLD.monthly_stt_secs_limit, OLD.expires_at,
    OLD.revoked_at, OLD.allowed_cidrs)
  IS DISTINCT FROM
  (NEW.environment, NEW.scopes, NEW.usage_limit, NEW.monthly_token_limit, NEW.monthly_stt_secs_limit, NEW.expires_at,
    NEW.revoked_at, NEW.allowed_cidrs))
EXECUTE FUNCTION {cell}.propagate_key_columns();
