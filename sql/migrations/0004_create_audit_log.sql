-- No foreign key to organisations or keys: an entry outlives what it speaks of.
CREATE TABLE keymeter.audit_log (
  organisation_id text COLLATE "C" NOT NULL,
  audit_id bigint GENERATED ALWAYS AS IDENTITY,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  principal text NOT NULL,
  principal_hint text,
  action text NOT NULL,
  target text NOT NULL,
  request_id text NOT NULL,
  changes jsonb NOT NULL,
  CONSTRAINT audit_log_pkey PRIMARY KEY (organisation_id, audit_id)
);

COMMENT ON TABLE keymeter.audit_log IS 'Every change, written in the transaction that made it. Append-only.';
COMMENT ON COLUMN keymeter.audit_log.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.audit_log.audit_id IS 'Running number.';
COMMENT ON COLUMN keymeter.audit_log.occurred_at IS 'When the change was made.';
COMMENT ON COLUMN keymeter.audit_log.principal IS 'Who made it: a key''s id, or cli.';
COMMENT ON COLUMN keymeter.audit_log.principal_hint IS 'That key''s hint.';
COMMENT ON COLUMN keymeter.audit_log.action IS 'What was done, such as key.created.';
COMMENT ON COLUMN keymeter.audit_log.target IS 'The id of what it was done to.';
COMMENT ON COLUMN keymeter.audit_log.request_id IS 'The request that asked for it.';
COMMENT ON COLUMN keymeter.audit_log.changes IS 'Each changed field: {"field": {"old": …, "new": …}}. Never a secret.';
