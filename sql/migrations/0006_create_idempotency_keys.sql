-- Stored responses, so that a retry has no second effect. A response is stored in the transaction that had the effect.
--
-- No foreign key to api_keys: checking it would lock the key's row after its counter, against the lock order. The entry of a
-- deleted key can't be decrypted any more and is purged after 24 hours.
CREATE TABLE {cell}.idempotency_keys (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  name_hash bytea NOT NULL,
  salt bytea NOT NULL,
  sealed_answer bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (organisation_id, key_id, name_hash),
  CONSTRAINT idempotency_keys_name_hash_check CHECK (octet_length(name_hash) = 32),
  CONSTRAINT idempotency_keys_salt_check CHECK (octet_length(salt) = 32),
  CONSTRAINT idempotency_keys_sealed_answer_check CHECK (octet_length(sealed_answer) > 28)
);

-- For purge_idempotency_keys.
CREATE INDEX idempotency_keys_expires_at_idx ON {cell}.idempotency_keys (expires_at);

COMMENT ON TABLE {cell}.idempotency_keys IS 'First responses to requests with an Idempotency-Key, kept for 24 hours.';
COMMENT ON COLUMN {cell}.idempotency_keys.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.idempotency_keys.key_id IS 'The calling key, within which Idempotency-Keys are unique.';
COMMENT ON COLUMN {cell}.idempotency_keys.name_hash IS
  'SHA-256 of tenant, calling key and Idempotency-Key. The Idempotency-Key itself is not stored.';
COMMENT ON COLUMN {cell}.idempotency_keys.salt IS 'Random bytes from which the encryption key of this response is derived.';
COMMENT ON COLUMN {cell}.idempotency_keys.sealed_answer IS
  'The request''s fingerprint and the response, AES-256-GCM under a key derived from the caller''s API key.';
COMMENT ON COLUMN {cell}.idempotency_keys.expires_at IS 'When the entry expires. An expired entry counts as absent.';
