-- Limits end at 2^53 - 1, the largest whole number that every JSON reader keeps exact.
CREATE TABLE keymeter.api_keys (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  friendly_name text NOT NULL,
  root boolean NOT NULL,
  environment text NOT NULL,
  scopes text[] NOT NULL,
  usage_limit bigint,
  monthly_token_limit bigint,
  monthly_stt_secs_limit bigint,
  linkage_id text NOT NULL,
  key_hint text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  CONSTRAINT api_keys_pkey PRIMARY KEY (organisation_id, key_id),
  CONSTRAINT api_keys_organisation_id_fkey FOREIGN KEY (organisation_id)
    REFERENCES keymeter.organisations (organisation_id) ON DELETE CASCADE,
  CONSTRAINT api_keys_linkage_id_key UNIQUE (organisation_id, linkage_id),
  CONSTRAINT api_keys_friendly_name_check CHECK (char_length(friendly_name) BETWEEN 1 AND 255),
  CONSTRAINT api_keys_linkage_id_check CHECK (char_length(linkage_id) BETWEEN 1 AND 255),
  CONSTRAINT api_keys_environment_check CHECK (environment IN ('PRODUCTION', 'STAGING', 'DEVELOPMENT')),
  CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) BETWEEN 1 AND 100),
  CONSTRAINT api_keys_usage_limit_check CHECK (usage_limit BETWEEN 0 AND 9007199254740991),
  CONSTRAINT api_keys_monthly_token_limit_check CHECK (monthly_token_limit BETWEEN 0 AND 9007199254740991),
  CONSTRAINT api_keys_monthly_stt_secs_limit_check CHECK (monthly_stt_secs_limit BETWEEN 0 AND 9007199254740991)
);

-- Listing walks an organisation's keys from the oldest on.
CREATE INDEX api_keys_created_at_idx ON keymeter.api_keys (organisation_id, created_at, key_id);

COMMENT ON TABLE keymeter.api_keys IS 'Root and child keys; never their secrets.';
COMMENT ON COLUMN keymeter.api_keys.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.api_keys.key_id IS 'key_…, kept through rotation.';
COMMENT ON COLUMN keymeter.api_keys.friendly_name IS 'Human-readable name.';
COMMENT ON COLUMN keymeter.api_keys.root IS 'Whether the key manages the organisation.';
COMMENT ON COLUMN keymeter.api_keys.environment IS 'PRODUCTION, STAGING or DEVELOPMENT.';
COMMENT ON COLUMN keymeter.api_keys.scopes IS 'What the key may do.';
COMMENT ON COLUMN keymeter.api_keys.usage_limit IS 'Requests a month; NULL is unrestricted.';
COMMENT ON COLUMN keymeter.api_keys.monthly_token_limit IS 'LLM tokens a month; NULL is unrestricted.';
COMMENT ON COLUMN keymeter.api_keys.monthly_stt_secs_limit IS 'Seconds of speech a month; NULL is unrestricted.';
COMMENT ON COLUMN keymeter.api_keys.linkage_id IS 'The thing that the key serves; unique inside the organisation.';
COMMENT ON COLUMN keymeter.api_keys.key_hint IS 'Prefix and last four characters of the secret.';
COMMENT ON COLUMN keymeter.api_keys.created_at IS 'When the key was issued.';
COMMENT ON COLUMN keymeter.api_keys.expires_at IS 'From when on the key no longer authenticates; NULL is never.';
COMMENT ON COLUMN keymeter.api_keys.revoked_at IS 'When the key was revoked; NULL is not.';
COMMENT ON COLUMN keymeter.api_keys.last_used_at IS 'When the key last authenticated, to the minute.';
