-- Counts usage after the fact; limits don't reject it. An event (optional) counts once in its organisation. If it was
-- counted before, `repeated` is true and nothing is counted, over_limit is that of the first call, and `differs` says
-- whether its key or amounts were different.
CREATE OR REPLACE FUNCTION {cell}.record(
  event text, hashes bytea[], provider text, requests bigint, tokens bigint, stt_secs bigint, address inet,
  OUT admission {cell}.admission, OUT over_limit boolean, OUT repeated boolean, OUT differs boolean
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  organisation text;
BEGIN
  repeated := false;
  differs := false;
  IF event IS NOT NULL THEN
    -- Only authenticates, because the event must be locked before the counter.
    SELECT a.* INTO admission FROM {cell}.admit(hashes, provider, 0, 0, 0, NULL, NULL, address, 'record') AS a;
    IF admission.decision <> 'admitted' THEN
      RETURN;
    END IF;
    organisation := admission.organisation_id;
    INSERT INTO {cell}.usage_events (
      organisation_id, event_id, key_id, requests, tokens, stt_secs, over_limit, recorded_at)
    VALUES (
      admission.organisation_id, event, admission.key_id, requests, tokens, stt_secs, false, admission.judged_at)
    ON CONFLICT ON CONSTRAINT usage_events_pkey DO NOTHING;
    IF NOT FOUND THEN
      SELECT e.over_limit, (e.key_id, e.requests, e.tokens, e.stt_secs)
        IS DISTINCT FROM (admission.key_id, requests, tokens, stt_secs)
      INTO over_limit, differs
      FROM {cell}.usage_events AS e
      WHERE e.organisation_id = admission.organisation_id AND e.event_id = event;
      IF FOUND THEN
        repeated := true;
        RETURN;
      END IF;
      -- It expired and was purged just now, so it counts as new.
      RAISE EXCEPTION 'the event was purged concurrently; try again' USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  SELECT a.* INTO admission
  FROM {cell}.admit(hashes, provider, requests, tokens, stt_secs, NULL, NULL, address, 'record') AS a;
  over_limit := admission.decision = 'admitted' AND (
    coalesce(admission.used_requests > admission.limit_requests, false)
    OR coalesce(admission.used_tokens > admission.limit_tokens, false)
    OR coalesce(admission.used_stt_secs > admission.limit_stt_secs, false));
  IF event IS NOT NULL THEN
    IF admission.decision <> 'admitted' THEN
      -- Revoked between the two calls, or the counter is full: nothing was counted.
      DELETE FROM {cell}.usage_events AS e
      WHERE e.organisation_id = organisation AND e.event_id = event;
    ELSIF over_limit THEN
      UPDATE {cell}.usage_events AS e SET over_limit = true
      WHERE e.organisation_id = admission.organisation_id AND e.event_id = event;
    END IF;
  END IF;
END
$$;
