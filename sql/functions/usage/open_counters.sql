-- Locks the counters of the given keys for the month of `charged_at`. The keys come in lock order, to avoid deadlocks.
--
-- Monthly rollover: counters that are missing are created. Daily rollover: days that are over move to usage_daily, so that
-- each counter is at the day of `charged_at` or (past midnight) a later one.
CREATE OR REPLACE FUNCTION {cell}.open_counters(organisations text[], keys text[], charged_at timestamptz)
RETURNS void
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
  today constant date := (charged_at AT TIME ZONE 'UTC')::date;
  this_month constant date := {cell}.month_of(today);
BEGIN
  -- usage_daily before any counter: in the other order charges could deadlock with the job that adds a partition.
  LOCK TABLE ONLY {cell}.usage_daily IN ROW EXCLUSIVE MODE;
  -- DO UPDATE locks the counters that exist, although its condition is never true.
  INSERT INTO {cell}.usage_monthly AS u (organisation_id, key_id, month)
  SELECT k.organisation, k.key, this_month
  FROM unnest(organisations, keys) WITH ORDINALITY AS k (organisation, key, place)
  ORDER BY k.place
  ON CONFLICT (organisation_id, key_id, month) DO UPDATE SET last_used_at = u.last_used_at WHERE false;

  INSERT INTO {cell}.usage_daily AS d (organisation_id, key_id, day, requests, tokens, stt_secs)
  SELECT u.organisation_id, u.key_id, u.day, u.day_requests, u.day_tokens, u.day_stt_secs
  FROM unnest(organisations, keys) AS k (organisation, key)
  JOIN {cell}.usage_monthly AS u
    ON u.organisation_id = k.organisation AND u.key_id = k.key AND u.month = this_month
  WHERE u.day < today AND (u.day_requests > 0 OR u.day_tokens > 0 OR u.day_stt_secs > 0)
  ON CONFLICT (organisation_id, key_id, day) DO UPDATE
  SET requests = d.requests + excluded.requests, tokens = d.tokens + excluded.tokens,
    stt_secs = d.stt_secs + excluded.stt_secs;

  UPDATE {cell}.usage_monthly AS u SET day = today, day_requests = 0, day_tokens = 0, day_stt_secs = 0
  FROM unnest(organisations, keys) AS k (organisation, key)
  WHERE u.organisation_id = k.organisation AND u.key_id = k.key AND u.month = this_month
    AND (u.day < today) IS NOT FALSE;
END
$$;
