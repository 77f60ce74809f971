-- A key's counter of one month, with the version (xmin) and location (ctid) by which a charge finds it again unless it
-- has changed.
--
-- It is found through the hash index on (key_id, month). IS NOT DISTINCT FROM keeps the planner on that index, because
-- no index supports the operator. With = the planner would choose by statistics between it and the primary key.
-- Inlined into the statements that call it, which a SET clause, STRICT or VOLATILE would prevent.
CREATE OR REPLACE FUNCTION {cell}.counter_of(organisation text, key text, first_of_month date)
RETURNS TABLE (
  used_requests bigint, used_tokens bigint, used_stt_secs bigint, last_day date, version xid, location tid
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT u.used_requests, u.used_tokens, u.used_stt_secs, u.day, u.xmin, u.ctid
  FROM {cell}.usage_monthly AS u
  WHERE hashtextextended(u.key_id, u.month - DATE '2000-01-01')
      = hashtextextended(key, first_of_month - DATE '2000-01-01')
    AND u.organisation_id IS NOT DISTINCT FROM organisation AND u.key_id IS NOT DISTINCT FROM key
    AND u.month IS NOT DISTINCT FROM first_of_month
$$;
