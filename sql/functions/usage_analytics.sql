-- Usage a day from first_day to last_day, both included. keys NULL is the whole organisation, deleted keys included.
-- Only days with usage have a row.
CREATE OR REPLACE FUNCTION keymeter.usage_analytics(organisation text, keys text[], first_day date, last_day date)
RETURNS TABLE (day date, requests numeric, tokens numeric, stt_secs numeric)
LANGUAGE sql STABLE
AS $$
  SELECT d.day, sum(d.requests), sum(d.tokens), sum(d.stt_secs)
  FROM keymeter.usage_daily AS d
  WHERE d.organisation_id = organisation AND (keys IS NULL OR d.key_id = ANY (keys))
    AND d.day BETWEEN first_day AND last_day
  GROUP BY d.day
  HAVING sum(d.requests) > 0 OR sum(d.tokens) > 0 OR sum(d.stt_secs) > 0
  ORDER BY d.day
$$;

REVOKE ALL ON FUNCTION keymeter.usage_analytics(text, text[], date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keymeter.usage_analytics(text, text[], date, date) TO keymeter_app;
