-- What a charge on `today` leaves to usage_daily: the counter's last day, when it is over; the charge itself, when the
-- counter is at a later day already; mostly nothing, and then there is no row. See day_counter_after.
-- Inlined into the statements that use it: no SET clause and not STRICT, either of which would prevent that.
CREATE OR REPLACE FUNCTION {cell}.daily_rollover(
  last_day date, held_requests bigint, held_tokens bigint, held_stt_secs bigint,
  today date, charged_requests bigint, charged_tokens bigint, charged_stt_secs bigint
) RETURNS TABLE (day date, requests bigint, tokens bigint, stt_secs bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT least(last_day, today),
    CASE WHEN last_day > today THEN charged_requests ELSE held_requests END,
    CASE WHEN last_day > today THEN charged_tokens ELSE held_tokens END,
    CASE WHEN last_day > today THEN charged_stt_secs ELSE held_stt_secs END
  WHERE last_day > today OR (last_day < today AND (held_requests > 0 OR held_tokens > 0 OR held_stt_secs > 0))
$$;
