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
