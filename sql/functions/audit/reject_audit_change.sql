-- Makes the audit log append-only for every role, including the owner. A role that may drop the trigger can still bypass
-- it, but the server may not.
CREATE OR REPLACE FUNCTION {cell}.reject_audit_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE OR REPLACE TRIGGER audit_log_is_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON {cell}.audit_log
FOR EACH STATEMENT EXECUTE FUNCTION {cell}.reject_audit_change();
