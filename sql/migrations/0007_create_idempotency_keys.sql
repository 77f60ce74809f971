-- First answers, so that a request which is sent again has no second effect. An answer is written in the transaction
-- that had the effect.
--
-- No foreign key to api_keys: checking it would lock the key's row behind its counter, the other way round than a
-- change of the key does. An entry whose key is gone is opened by nobody, and goes with its 24 hours.
CREATE TABLE keymeter.idempotency_keys (
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

-- What retention looks for.
CREATE INDEX idempotency_keys_expires_at_idx ON keymeter.idempotency_keys (expires_at);

COMMENT ON TABLE keymeter.idempotency_keys IS 'First answers to requests with an Idempotency-Key, kept for 24 hours.';
COMMENT ON COLUMN keymeter.idempotency_keys.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.idempotency_keys.key_id IS 'The calling key, inside which Idempotency-Keys are unique.';
COMMENT ON COLUMN keymeter.idempotency_keys.name_hash IS
  'SHA-256 of tenant, calling key and Idempotency-Key; the Idempotency-Key itself is not stored.';
COMMENT ON COLUMN keymeter.idempotency_keys.salt IS 'Drawn for this answer; its key is derived with it.';
COMMENT ON COLUMN keymeter.idempotency_keys.sealed_answer IS
  'The request''s fingerprint and the answer, AES-256-GCM under a key derived from the caller''s presented API key.';
COMMENT ON COLUMN keymeter.idempotency_keys.expires_at IS 'From when on the entry counts as absent.';
