-- Counts usage after the fact: never refused for a limit. An event_id (NULL is none) counts once in its
-- organisation; `repeated` then says that nothing was counted now, `differs` that it was reported with another key
-- or other amounts, and over_limit is the first answer's.
CREATE OR REPLACE FUNCTION {cell}.record(
  event text, hashes bytea[], provider text, requests bigint, tokens bigint, stt_secs bigint, address inet DEFAULT NULL,
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
    -- A charge of nothing only authenticates. The event comes before the counter, as everywhere.
    SELECT a.* INTO admission
    FROM {cell}.admit(hashes, ARRAY[provider], ARRAY[0]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[],
      ARRAY[NULL]::text[], ARRAY[NULL]::text[], 2::smallint, ARRAY[address]) AS a;
    IF admission.decision <> 0 THEN
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
      -- Purged in this very moment: so old that it counts anew.
      RAISE EXCEPTION 'the event is being forgotten; try again' USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  SELECT a.* INTO admission
  FROM {cell}.admit(hashes, ARRAY[provider], ARRAY[requests], ARRAY[tokens], ARRAY[stt_secs],
    ARRAY[NULL]::text[], ARRAY[NULL]::text[], 2::smallint, ARRAY[address]) AS a;
  over_limit := admission.decision = 0 AND (
    coalesce(admission.used_requests > admission.limit_requests, false)
    OR coalesce(admission.used_tokens > admission.limit_tokens, false)
    OR coalesce(admission.used_stt_secs > admission.limit_stt_secs, false));
  IF event IS NOT NULL THEN
    IF admission.decision <> 0 THEN
      -- Revoked between the two, or no room in the counter itself: nothing happened.
      DELETE FROM {cell}.usage_events AS e
      WHERE e.organisation_id = organisation AND e.event_id = event;
    ELSIF over_limit THEN
      UPDATE {cell}.usage_events AS e SET over_limit = true
      WHERE e.organisation_id = admission.organisation_id AND e.event_id = event;
    END IF;
  END IF;
END
$$;
