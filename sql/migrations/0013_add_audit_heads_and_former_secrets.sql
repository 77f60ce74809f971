-- Where each organisation's audit log ends. Whoever appends holds this row until its transaction ends, in place of an
-- advisory lock: that one whoever may log in to the database could take, and so hold up every change.
--
-- No foreign key, as in audit_log: the last entry is that of the organisation's deletion. Rows are made by the first entry
-- that needs them (keymeter.append_audit), and nobody else has a right to them.
CREATE TABLE keymeter.audit_heads (
  organisation_id text COLLATE "C" NOT NULL,
  last_occurred_at timestamptz NOT NULL,
  CONSTRAINT audit_heads_pkey PRIMARY KEY (organisation_id)
);

ALTER TABLE keymeter.audit_heads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON keymeter.audit_heads TO keymeter_owner USING (true);
CREATE POLICY tenant ON keymeter.audit_heads TO keymeter_app
  USING (organisation_id = nullif(pg_catalog.current_setting('keymeter.organisation_id', true), ''));

COMMENT ON TABLE keymeter.audit_heads IS 'The end of each audit log, which appending locks.';
COMMENT ON COLUMN keymeter.audit_heads.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.audit_heads.last_occurred_at IS 'When the last entry was made.';

-- Values that a rotation has replaced. None authenticates by being here: that is api_key_secrets' business, which keeps a
-- value for the overlap alone. They are kept so that a report of one that leaked is recognised, as long as there is the key.
CREATE TABLE keymeter.former_secrets (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  secret_hash bytea NOT NULL,
  superseded_at timestamptz NOT NULL,
  reported_at timestamptz,
  CONSTRAINT former_secrets_pkey PRIMARY KEY (organisation_id, key_id, secret_hash),
  CONSTRAINT former_secrets_secret_hash_key UNIQUE (secret_hash),
  CONSTRAINT former_secrets_key_id_fkey FOREIGN KEY (organisation_id, key_id)
    REFERENCES keymeter.api_keys (organisation_id, key_id) ON DELETE CASCADE,
  CONSTRAINT former_secrets_secret_hash_check CHECK (octet_length(secret_hash) = 32)
);

ALTER TABLE keymeter.former_secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON keymeter.former_secrets TO keymeter_owner USING (true);
CREATE POLICY tenant ON keymeter.former_secrets TO keymeter_app
  USING (organisation_id = nullif(pg_catalog.current_setting('keymeter.organisation_id', true), ''));
GRANT SELECT, INSERT ON keymeter.former_secrets TO keymeter_app;
GRANT UPDATE (reported_at) ON keymeter.former_secrets TO keymeter_app;

COMMENT ON TABLE keymeter.former_secrets IS 'What was stored in place of values that a rotation has replaced.';
COMMENT ON COLUMN keymeter.former_secrets.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.former_secrets.key_id IS 'The key.';
COMMENT ON COLUMN keymeter.former_secrets.secret_hash IS 'HMAC-SHA-256 of the value under the pepper of its time.';
COMMENT ON COLUMN keymeter.former_secrets.superseded_at IS 'When the rotation replaced it.';
COMMENT ON COLUMN keymeter.former_secrets.reported_at IS 'When it was first reported to have been found in public, past its end; NULL is never.';
