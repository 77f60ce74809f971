-- Charges counters that open_counters has locked. With `reserve` the amounts also count as reserved.
CREATE OR REPLACE FUNCTION {cell}.charge_counters(
  organisations text[], keys text[], requests bigint[], tokens bigint[], stt_secs bigint[], reserve boolean,
  charged_at timestamptz
) RETURNS void
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
  today constant date := (charged_at AT TIME ZONE 'UTC')::date;
  this_month constant date := {cell}.month_of(today);
  held constant bigint := CASE WHEN reserve THEN 1 ELSE 0 END;
BEGIN
  -- A counter that is at tomorrow already keeps its day: these amounts belong to usage_daily.
  INSERT INTO {cell}.usage_daily AS d (organisation_id, key_id, day, requests, tokens, stt_secs)
  SELECT c.organisation, c.key, today, c.requests, c.tokens, c.stt_secs
  FROM unnest(organisations, keys, requests, tokens, stt_secs) AS c (organisation, key, requests, tokens, stt_secs)
  JOIN {cell}.usage_monthly AS u
    ON u.organisation_id = c.organisation AND u.key_id = c.key AND u.month = this_month
  WHERE u.day > today AND (c.requests > 0 OR c.tokens > 0 OR c.stt_secs > 0)
  ON CONFLICT (organisation_id, key_id, day) DO UPDATE
  SET requests = d.requests + excluded.requests, tokens = d.tokens + excluded.tokens,
    stt_secs = d.stt_secs + excluded.stt_secs;

  UPDATE {cell}.usage_monthly AS u
  SET used_requests = u.used_requests + c.requests,
    used_tokens = u.used_tokens + c.tokens,
    used_stt_secs = u.used_stt_secs + c.stt_secs,
    reserved_requests = u.reserved_requests + c.requests * held,
    reserved_tokens = u.reserved_tokens + c.tokens * held,
    reserved_stt_secs = u.reserved_stt_secs + c.stt_secs * held,
    day_requests = u.day_requests + CASE WHEN u.day = today THEN c.requests ELSE 0 END,
    day_tokens = u.day_tokens + CASE WHEN u.day = today THEN c.tokens ELSE 0 END,
    day_stt_secs = u.day_stt_secs + CASE WHEN u.day = today THEN c.stt_secs ELSE 0 END,
    last_used_at = charged_at
  FROM unnest(organisations, keys, requests, tokens, stt_secs) AS c (organisation, key, requests, tokens, stt_secs)
  WHERE u.organisation_id = c.organisation AND u.key_id = c.key AND u.month = this_month
    AND (c.requests > 0 OR c.tokens > 0 OR c.stt_secs > 0);
END
$$;
