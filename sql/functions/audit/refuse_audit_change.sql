-- Holds for every role, the owner's included: what the audit log says can only be added to. Whoever may drop
-- this trigger can still get round it; the roles see to it that the server can't.
CREATE OR REPLACE FUNCTION {cell}.refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE OR REPLACE TRIGGER audit_log_is_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON {cell}.audit_log
FOR EACH STATEMENT EXECUTE FUNCTION {cell}.refuse_audit_change();
