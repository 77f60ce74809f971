-- What a verification judges a key by stands beside the key's hash: one look-up and one row less for each request.
-- api_keys keeps the record; two triggers see to it that the copies are what it says, whoever writes either of them, older
-- nodes included. Nobody may write a key while the copies are made.
LOCK TABLE keymeter.api_keys IN SHARE ROW EXCLUSIVE MODE;

ALTER TABLE keymeter.api_key_secrets
  ADD COLUMN environment text,
  ADD COLUMN scopes text[],
  ADD COLUMN usage_limit bigint,
  ADD COLUMN monthly_token_limit bigint,
  ADD COLUMN monthly_stt_secs_limit bigint,
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN revoked_at timestamptz,
  ADD COLUMN allowed_cidrs cidr[];

UPDATE keymeter.api_key_secrets AS s
SET environment = k.environment, scopes = k.scopes, usage_limit = k.usage_limit,
  monthly_token_limit = k.monthly_token_limit, monthly_stt_secs_limit = k.monthly_stt_secs_limit,
  expires_at = k.expires_at, revoked_at = k.revoked_at, allowed_cidrs = k.allowed_cidrs
FROM keymeter.api_keys AS k
WHERE k.organisation_id = s.organisation_id AND k.key_id = s.key_id;

ALTER TABLE keymeter.api_key_secrets
  ALTER COLUMN environment SET NOT NULL,
  ALTER COLUMN scopes SET NOT NULL;

COMMENT ON COLUMN keymeter.api_key_secrets.environment IS 'As in api_keys.';
COMMENT ON COLUMN keymeter.api_key_secrets.scopes IS 'As in api_keys.';
COMMENT ON COLUMN keymeter.api_key_secrets.usage_limit IS 'As in api_keys.';
COMMENT ON COLUMN keymeter.api_key_secrets.monthly_token_limit IS 'As in api_keys.';
COMMENT ON COLUMN keymeter.api_key_secrets.monthly_stt_secs_limit IS 'As in api_keys.';
COMMENT ON COLUMN keymeter.api_key_secrets.expires_at IS 'As in api_keys.';
COMMENT ON COLUMN keymeter.api_key_secrets.revoked_at IS 'As in api_keys.';
COMMENT ON COLUMN keymeter.api_key_secrets.allowed_cidrs IS 'As in api_keys.';

-- A new secret takes over what its key's record says, and nothing else, whatever was asked to be inserted. The record is
-- locked: a change of it that is under way is waited for, and one that comes later finds the new secret.
CREATE FUNCTION keymeter.take_key_facts() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  SELECT k.environment, k.scopes, k.usage_limit, k.monthly_token_limit, k.monthly_stt_secs_limit, k.expires_at,
    k.revoked_at, k.allowed_cidrs
  INTO NEW.environment, NEW.scopes, NEW.usage_limit, NEW.monthly_token_limit, NEW.monthly_stt_secs_limit, NEW.expires_at,
    NEW.revoked_at, NEW.allowed_cidrs
  FROM keymeter.api_keys AS k
  WHERE k.organisation_id = NEW.organisation_id AND k.key_id = NEW.key_id
  FOR SHARE;
  RETURN NEW;
END
$$;

CREATE TRIGGER api_key_secrets_take_key_facts
BEFORE INSERT ON keymeter.api_key_secrets
FOR EACH ROW EXECUTE FUNCTION keymeter.take_key_facts();

-- A changed record is carried over in the same statement's wake.
CREATE FUNCTION keymeter.pass_key_facts_on() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE keymeter.api_key_secrets AS s
  SET environment = NEW.environment, scopes = NEW.scopes, usage_limit = NEW.usage_limit,
    monthly_token_limit = NEW.monthly_token_limit, monthly_stt_secs_limit = NEW.monthly_stt_secs_limit,
    expires_at = NEW.expires_at, revoked_at = NEW.revoked_at, allowed_cidrs = NEW.allowed_cidrs
  WHERE s.organisation_id = NEW.organisation_id AND s.key_id = NEW.key_id;
  RETURN NULL;
END
$$;

CREATE TRIGGER api_keys_pass_key_facts_on
AFTER UPDATE ON keymeter.api_keys
FOR EACH ROW
WHEN (
  (OLD.environment, OLD.scopes, OLD.usage_limit, OLD.monthly_token_limit, OLD.monthly_stt_secs_limit, OLD.expires_at,
    OLD.revoked_at, OLD.allowed_cidrs)
  IS DISTINCT FROM
  (NEW.environment, NEW.scopes, NEW.usage_limit, NEW.monthly_token_limit, NEW.monthly_stt_secs_limit, NEW.expires_at,
    NEW.revoked_at, NEW.allowed_cidrs))
EXECUTE FUNCTION keymeter.pass_key_facts_on();

REVOKE ALL ON FUNCTION keymeter.take_key_facts() FROM PUBLIC;
REVOKE ALL ON FUNCTION keymeter.pass_key_facts_on() FROM PUBLIC;
