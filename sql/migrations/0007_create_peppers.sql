-- Metadata of the peppers, which themselves are never stored. A node that is configured with different bytes under a known
-- id fails at its start instead of rejecting every key.
CREATE TABLE keymeter_home.peppers (
  pepper_id text COLLATE "C" NOT NULL,
  check_value bytea NOT NULL,
  first_seen timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT peppers_pkey PRIMARY KEY (pepper_id),
  CONSTRAINT peppers_check_value_check CHECK (octet_length(check_value) = 32)
);

COMMENT ON TABLE keymeter_home.peppers IS 'Every pepper that was ever used with this deployment, by its id. Never its bytes.';
COMMENT ON COLUMN keymeter_home.peppers.pepper_id IS 'The id in KEYMETER_PEPPERS, as in api_key_secrets.';
COMMENT ON COLUMN keymeter_home.peppers.check_value IS
  'HMAC-SHA-256(pepper, a fixed text that is no key), which detects different bytes under the same id.';
COMMENT ON COLUMN keymeter_home.peppers.first_seen IS 'When a node or a command first used it.';
