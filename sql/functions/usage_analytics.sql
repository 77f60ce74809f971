-- Usage a day from first_day to last_day, both included. keys NULL is the whole organisation, deleted keys included.
-- Only days with usage have a row.
--
-- One branch for the whole organisation and one for named keys, of which only one is ever run: in a plan for any
-- arguments, `keys IS NULL OR key_id = ANY (keys)` would be no condition for an index, and one key's usage would be found
-- by reading the whole organisation's.
CREATE OR REPLACE FUNCTION keymeter.usage_analytics(organisation text, keys text[], first_day date, last_day date)
RETURNS TABLE (day date, requests numeric, tokens numeric, stt_secs numeric)
LANGUAGE sql STABLE
AS $$
  SELECT d.day, sum(d.requests), sum(d.tokens), sum(d.stt_secs)
  FROM (
    SELECT t.day, t.requests, t.tokens, t.stt_secs FROM keymeter.usage_daily AS t
    WHERE keys IS NULL AND t.organisation_id = organisation AND t.day BETWEEN first_day AND last_day
    UNION ALL
    SELECT t.day, t.requests, t.tokens, t.stt_secs FROM keymeter.usage_daily AS t
    WHERE t.organisation_id = organisation AND t.key_id = ANY (keys) AND t.day BETWEEN first_day AND last_day
    UNION ALL
    -- Each counter's last day.
    SELECT u.day, u.day_requests, u.day_tokens, u.day_stt_secs FROM keymeter.usage_monthly AS u
    WHERE keys IS NULL AND u.organisation_id = organisation
      AND u.month BETWEEN keymeter.month_of(first_day) AND last_day AND u.day BETWEEN first_day AND last_day
    UNION ALL
    SELECT u.day, u.day_requests, u.day_tokens, u.day_stt_secs FROM keymeter.usage_monthly AS u
    WHERE u.organisation_id = organisation AND u.key_id = ANY (keys)
      AND u.month BETWEEN keymeter.month_of(first_day) AND last_day AND u.day BETWEEN first_day AND last_day
  ) AS d
  GROUP BY d.day
  HAVING sum(d.requests) > 0 OR sum(d.tokens) > 0 OR sum(d.stt_secs) > 0
  ORDER BY d.day
$$;

REVOKE ALL ON FUNCTION keymeter.usage_analytics(text, text[], date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keymeter.usage_analytics(text, text[], date, date) TO keymeter_app;
