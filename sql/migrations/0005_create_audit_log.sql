-- No foreign keys: an entry outlives the organisation and the key that it describes. The last entry of an organisation
-- records its deletion.

-- append_audit locks the organisation's row until commit. A row lock rather than an advisory lock, because any login of the
-- database could take an advisory lock and block every change.
CREATE TABLE {cell}.audit_heads (
  organisation_id text COLLATE "C" NOT NULL,
  last_audit_id bigint NOT NULL,
  CONSTRAINT audit_heads_pkey PRIMARY KEY (organisation_id)
);

COMMENT ON TABLE {cell}.audit_heads IS 'The last entry of each audit log. Appending locks its row.';
COMMENT ON COLUMN {cell}.audit_heads.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.audit_heads.last_audit_id IS 'The number of the last entry.';

CREATE TABLE {cell}.audit_log (
  organisation_id text COLLATE "C" NOT NULL,
  audit_id bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  principal text NOT NULL,
  principal_hint text,
  action text NOT NULL,
  target text NOT NULL,
  request_id text NOT NULL,
  changes jsonb NOT NULL,
  CONSTRAINT audit_log_pkey PRIMARY KEY (organisation_id, audit_id)
);

COMMENT ON TABLE {cell}.audit_log IS 'Every change, written in the transaction that made it. Append-only.';
COMMENT ON COLUMN {cell}.audit_log.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.audit_log.audit_id IS 'Counts from 1 within the organisation.';
COMMENT ON COLUMN {cell}.audit_log.occurred_at IS 'When the change was made.';
COMMENT ON COLUMN {cell}.audit_log.principal IS 'Who made it: a key id, or cli.';
COMMENT ON COLUMN {cell}.audit_log.principal_hint IS 'The hint of that key.';
COMMENT ON COLUMN {cell}.audit_log.action IS 'What was done, for example key.created.';
COMMENT ON COLUMN {cell}.audit_log.target IS 'The id of the changed object.';
COMMENT ON COLUMN {cell}.audit_log.request_id IS 'The request that made the change.';
COMMENT ON COLUMN {cell}.audit_log.changes IS 'Each changed field: {"field": {"old": …, "new": …}}. Never a secret.';
