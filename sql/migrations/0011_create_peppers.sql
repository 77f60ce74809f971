-- What is known of the peppers, which themselves never come here. A node that is given other bytes under a known id
-- finds out at its start, rather than by every key's being refused.
CREATE TABLE keymeter.peppers (
  pepper_id text COLLATE "C" NOT NULL,
  check_value bytea NOT NULL,
  first_seen timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT peppers_pkey PRIMARY KEY (pepper_id),
  CONSTRAINT peppers_check_value_check CHECK (octet_length(check_value) = 32)
);

COMMENT ON TABLE keymeter.peppers IS 'Every pepper that was ever used with this database, by its id; never its bytes.';
COMMENT ON COLUMN keymeter.peppers.pepper_id IS 'The id that KEYMETER_PEPPERS gives it, as in api_key_secrets.';
COMMENT ON COLUMN keymeter.peppers.check_value IS
  'HMAC-SHA-256(pepper, a fixed text that is no key), by which other bytes under the same id are noticed.';
COMMENT ON COLUMN keymeter.peppers.first_seen IS 'When a node or a command first came with it.';

-- The server adds rows and reads them; it changes and removes none.
GRANT SELECT, INSERT ON keymeter.peppers TO keymeter_app;
