-- The look-up by hash, which every use of a key begins with, finds all it needs in the index.
ALTER TABLE keymeter.api_key_secrets
  DROP CONSTRAINT api_key_secrets_secret_hash_key,
  ADD CONSTRAINT api_key_secrets_secret_hash_key UNIQUE (secret_hash) INCLUDE (organisation_id, key_id, valid_until);

-- One answer of keymeter.admit_groups. A type of its own for the same reason as keymeter.admission.
CREATE TYPE keymeter.group_admission AS (
  position integer,
  decision smallint,
  admitted integer,
  organisation_id text,
  key_id text,
  environment text,
  scopes text[],
  limit_requests bigint,
  limit_tokens bigint,
  limit_stt_secs bigint,
  used_requests bigint,
  used_tokens bigint,
  used_stt_secs bigint,
  judged_at timestamptz
);

COMMENT ON TYPE keymeter.group_admission IS 'What keymeter.admit_groups answers to one group of requests; see its file.';
