-- Copies of a key's facts are what its record says, also where somebody writes the copies themselves, who is to find out
-- that this changes nothing. Until here only an INSERT was seen to.
CREATE TRIGGER api_key_secrets_keep_key_facts
BEFORE UPDATE OF organisation_id, key_id, environment, scopes, usage_limit, monthly_token_limit, monthly_stt_secs_limit,
  expires_at, revoked_at, allowed_cidrs
ON keymeter.api_key_secrets
FOR EACH ROW EXECUTE FUNCTION keymeter.take_key_facts();

-- What may have come apart until now; the trigger takes over all of the record.
UPDATE keymeter.api_key_secrets AS s SET scopes = k.scopes
FROM keymeter.api_keys AS k
WHERE k.organisation_id = s.organisation_id AND k.key_id = s.key_id
  AND (s.environment, s.scopes, s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit, s.expires_at, s.revoked_at,
    s.allowed_cidrs)
  IS DISTINCT FROM
  (k.environment, k.scopes, k.usage_limit, k.monthly_token_limit, k.monthly_stt_secs_limit, k.expires_at, k.revoked_at,
    k.allowed_cidrs);

-- A transaction with one snapshot for all its statements can't see a secret that was added after it began, and so could
-- leave that one with the former facts. Keymeter's own are READ COMMITTED, which they say themselves.
CREATE OR REPLACE FUNCTION keymeter.pass_key_facts_on() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a key can be changed in a transaction that is READ COMMITTED only'
      USING ERRCODE = 'invalid_transaction_state',
        HINT = 'A secret that is added meanwhile would keep what the key was before.';
  END IF;
  UPDATE keymeter.api_key_secrets AS s
  SET environment = NEW.environment, scopes = NEW.scopes, usage_limit = NEW.usage_limit,
    monthly_token_limit = NEW.monthly_token_limit, monthly_stt_secs_limit = NEW.monthly_stt_secs_limit,
    expires_at = NEW.expires_at, revoked_at = NEW.revoked_at, allowed_cidrs = NEW.allowed_cidrs
  WHERE s.organisation_id = NEW.organisation_id AND s.key_id = NEW.key_id;
  RETURN NULL;
END
$$;
