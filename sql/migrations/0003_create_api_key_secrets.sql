-- Apart from api_keys, because a key that is being rotated has two secrets for a while, and because locking
-- a secret's row is how a change holds off the revocation of the key that asks for it.
CREATE TABLE keymeter.api_key_secrets (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  secret_hash bytea NOT NULL,
  pepper_id text NOT NULL,
  valid_until timestamptz,
  CONSTRAINT api_key_secrets_pkey PRIMARY KEY (organisation_id, key_id, secret_hash),
  CONSTRAINT api_key_secrets_secret_hash_key UNIQUE (secret_hash),
  CONSTRAINT api_key_secrets_key_id_fkey FOREIGN KEY (organisation_id, key_id)
    REFERENCES keymeter.api_keys (organisation_id, key_id) ON DELETE CASCADE,
  CONSTRAINT api_key_secrets_secret_hash_check CHECK (octet_length(secret_hash) = 32)
);

COMMENT ON TABLE keymeter.api_key_secrets IS 'What is stored in place of the keys'' plaintext.';
COMMENT ON COLUMN keymeter.api_key_secrets.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.api_key_secrets.key_id IS 'The key.';
COMMENT ON COLUMN keymeter.api_key_secrets.secret_hash IS 'HMAC-SHA-256 of the key under the pepper.';
COMMENT ON COLUMN keymeter.api_key_secrets.pepper_id IS 'Which pepper made the hash.';
COMMENT ON COLUMN keymeter.api_key_secrets.valid_until IS 'From when on this value no longer authenticates, after a rotation with overlap; NULL is never.';
