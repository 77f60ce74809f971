-- Limits end at 2^53 - 1, the largest integer that every JSON parser keeps exact.
CREATE TABLE {cell}.api_keys (
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
  allowed_cidrs cidr[],
  CONSTRAINT api_keys_pkey PRIMARY KEY (organisation_id, key_id),
  CONSTRAINT api_keys_organisation_id_fkey FOREIGN KEY (organisation_id)
    REFERENCES {cell}.organisations (organisation_id) ON DELETE CASCADE,
  CONSTRAINT api_keys_linkage_id_key UNIQUE (organisation_id, linkage_id),
  CONSTRAINT api_keys_friendly_name_check CHECK (char_length(friendly_name) BETWEEN 1 AND 255),
  CONSTRAINT api_keys_linkage_id_check CHECK (char_length(linkage_id) BETWEEN 1 AND 255),
  CONSTRAINT api_keys_environment_check CHECK (environment IN ('PRODUCTION', 'STAGING', 'DEVELOPMENT')),
  CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) BETWEEN 1 AND 100),
  CONSTRAINT api_keys_usage_limit_check CHECK (usage_limit BETWEEN 0 AND 9007199254740991),
  CONSTRAINT api_keys_monthly_token_limit_check CHECK (monthly_token_limit BETWEEN 0 AND 9007199254740991),
  CONSTRAINT api_keys_monthly_stt_secs_limit_check CHECK (monthly_stt_secs_limit BETWEEN 0 AND 9007199254740991),
  -- An empty list would allow no address at all.
  CONSTRAINT api_keys_allowed_cidrs_check CHECK (
    cardinality(allowed_cidrs) BETWEEN 1 AND 50 AND array_ndims(allowed_cidrs) = 1
    AND array_position(allowed_cidrs, NULL) IS NULL)
);

-- Lists return an organisation's keys from the oldest to the newest.
CREATE INDEX api_keys_created_at_idx ON {cell}.api_keys (organisation_id, created_at, key_id);
-- Analytics accept any key id: the key's organisation decides between 403 and 404.
CREATE INDEX api_keys_key_id_idx ON {cell}.api_keys USING hash (key_id);

COMMENT ON TABLE {cell}.api_keys IS 'Root and child keys, without their secrets.';
COMMENT ON COLUMN {cell}.api_keys.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.api_keys.key_id IS 'key_…. A rotation keeps it.';
COMMENT ON COLUMN {cell}.api_keys.friendly_name IS 'Human-readable name.';
COMMENT ON COLUMN {cell}.api_keys.root IS 'Whether the key manages the organisation.';
COMMENT ON COLUMN {cell}.api_keys.environment IS 'PRODUCTION, STAGING or DEVELOPMENT.';
COMMENT ON COLUMN {cell}.api_keys.scopes IS 'What the key may do.';
COMMENT ON COLUMN {cell}.api_keys.usage_limit IS 'Requests per month. NULL is unlimited.';
COMMENT ON COLUMN {cell}.api_keys.monthly_token_limit IS 'LLM tokens per month. NULL is unlimited.';
COMMENT ON COLUMN {cell}.api_keys.monthly_stt_secs_limit IS 'Seconds of speech per month. NULL is unlimited.';
COMMENT ON COLUMN {cell}.api_keys.linkage_id IS 'What the key is used for, unique within the organisation.';
COMMENT ON COLUMN {cell}.api_keys.key_hint IS 'Prefix and last four characters of the secret.';
COMMENT ON COLUMN {cell}.api_keys.created_at IS 'When the key was issued.';
COMMENT ON COLUMN {cell}.api_keys.expires_at IS 'When the key expires. NULL is never.';
COMMENT ON COLUMN {cell}.api_keys.revoked_at IS 'When the key was revoked. NULL if it was not.';
COMMENT ON COLUMN {cell}.api_keys.last_used_at IS 'When the key last authenticated a management call, to the minute.';
COMMENT ON COLUMN {cell}.api_keys.allowed_cidrs IS 'Client addresses that may use the key. NULL is any address.';

-- A separate table, because a key has two secrets during the overlap of a rotation, and because a change locks the
-- calling key's secret to hold off its revocation.
--
-- The columns from environment on are denormalised: a verification reads one row, found by the hash. Triggers keep them
-- equal to api_keys (sql/functions/keys/copy_key_columns.sql).
CREATE TABLE {cell}.api_key_secrets (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  secret_hash bytea NOT NULL,
  pepper_id text NOT NULL,
  valid_until timestamptz,
  environment text NOT NULL,
  scopes text[] NOT NULL,
  usage_limit bigint,
  monthly_token_limit bigint,
  monthly_stt_secs_limit bigint,
  expires_at timestamptz,
  revoked_at timestamptz,
  allowed_cidrs cidr[],
  CONSTRAINT api_key_secrets_pkey PRIMARY KEY (organisation_id, key_id, secret_hash),
  -- A hash index reads one page where a B-tree reads three or four. It can't be UNIQUE, so an exclusion constraint keeps
  -- hashes unique.
  CONSTRAINT api_key_secrets_secret_hash_key EXCLUDE USING hash (secret_hash WITH =),
  CONSTRAINT api_key_secrets_key_id_fkey FOREIGN KEY (organisation_id, key_id)
    REFERENCES {cell}.api_keys (organisation_id, key_id) ON DELETE CASCADE,
  CONSTRAINT api_key_secrets_secret_hash_check CHECK (octet_length(secret_hash) = 32)
);

COMMENT ON TABLE {cell}.api_key_secrets IS 'Hashes of the secrets that authenticate, with the columns that a verification needs.';
COMMENT ON COLUMN {cell}.api_key_secrets.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.api_key_secrets.key_id IS 'The key.';
COMMENT ON COLUMN {cell}.api_key_secrets.secret_hash IS 'HMAC-SHA-256 of the secret under the pepper.';
COMMENT ON COLUMN {cell}.api_key_secrets.pepper_id IS 'The pepper that the hash was made with.';
COMMENT ON COLUMN {cell}.api_key_secrets.valid_until IS
  'When the secret stops authenticating, after a rotation with overlap or a revocation. NULL is never.';
COMMENT ON COLUMN {cell}.api_key_secrets.environment IS 'As in api_keys.';
COMMENT ON COLUMN {cell}.api_key_secrets.scopes IS 'As in api_keys.';
COMMENT ON COLUMN {cell}.api_key_secrets.usage_limit IS 'As in api_keys.';
COMMENT ON COLUMN {cell}.api_key_secrets.monthly_token_limit IS 'As in api_keys.';
COMMENT ON COLUMN {cell}.api_key_secrets.monthly_stt_secs_limit IS 'As in api_keys.';
COMMENT ON COLUMN {cell}.api_key_secrets.expires_at IS 'As in api_keys.';
COMMENT ON COLUMN {cell}.api_key_secrets.revoked_at IS 'As in api_keys.';
COMMENT ON COLUMN {cell}.api_key_secrets.allowed_cidrs IS 'As in api_keys.';

-- These hashes never authenticate: during an overlap the former secret is still in api_key_secrets. They are kept as long
-- as the key, so that a report of a leaked former secret is recognised.
CREATE TABLE {cell}.former_secrets (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  secret_hash bytea NOT NULL,
  superseded_at timestamptz NOT NULL,
  reported_at timestamptz,
  CONSTRAINT former_secrets_pkey PRIMARY KEY (organisation_id, key_id, secret_hash),
  CONSTRAINT former_secrets_secret_hash_key UNIQUE (secret_hash),
  CONSTRAINT former_secrets_key_id_fkey FOREIGN KEY (organisation_id, key_id)
    REFERENCES {cell}.api_keys (organisation_id, key_id) ON DELETE CASCADE,
  CONSTRAINT former_secrets_secret_hash_check CHECK (octet_length(secret_hash) = 32)
);

COMMENT ON TABLE {cell}.former_secrets IS 'Hashes of secrets that a rotation has replaced.';
COMMENT ON COLUMN {cell}.former_secrets.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.former_secrets.key_id IS 'The key.';
COMMENT ON COLUMN {cell}.former_secrets.secret_hash IS 'HMAC-SHA-256 of the secret under the pepper of its time.';
COMMENT ON COLUMN {cell}.former_secrets.superseded_at IS 'When the rotation replaced it.';
COMMENT ON COLUMN {cell}.former_secrets.reported_at IS
  'When the secret was first reported as leaked after it had stopped authenticating. NULL is never.';
