-- Usage a day from first_day to last_day, both included. keys NULL is the whole organisation, deleted keys included.
-- Only days with usage have a row.
--
-- Two queries, each planned for the arguments at hand: one key of an organisation with very many is found by the index,
-- and the whole of such an organisation is read by several processes. One query for both would do neither well.
CREATE OR REPLACE FUNCTION {cell}.usage_analytics(organisation text, keys text[], first_day date, last_day date)
RETURNS TABLE (day date, requests numeric, tokens numeric, stt_secs numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off -- compiling it takes longer than one key's usage, and a good part of a month's of very many
AS $$
DECLARE
  first_month constant date := {cell}.month_of(first_day);
BEGIN
  IF keys IS NULL THEN
    RETURN QUERY
    SELECT d.day, sum(d.requests), sum(d.tokens), sum(d.stt_secs)
    FROM (
      SELECT t.day, t.requests, t.tokens, t.stt_secs FROM {cell}.usage_daily AS t
      WHERE t.organisation_id = organisation AND t.day BETWEEN first_day AND last_day
      UNION ALL
      -- Each counter's last day.
      SELECT u.day, u.day_requests, u.day_tokens, u.day_stt_secs FROM {cell}.usage_monthly AS u
      WHERE u.organisation_id = organisation AND u.month BETWEEN first_month AND last_day
        AND u.day BETWEEN first_day AND last_day
    ) AS d
    GROUP BY d.day
    HAVING sum(d.requests) > 0 OR sum(d.tokens) > 0 OR sum(d.stt_secs) > 0
    ORDER BY d.day;
  ELSE
    RETURN QUERY
    SELECT d.day, sum(d.requests), sum(d.tokens), sum(d.stt_secs)
    FROM (
      SELECT t.day, t.requests, t.tokens, t.stt_secs FROM {cell}.usage_daily AS t
      WHERE t.organisation_id = organisation AND t.key_id = ANY (keys) AND t.day BETWEEN first_day AND last_day
      UNION ALL
      SELECT u.day, u.day_requests, u.day_tokens, u.day_stt_secs FROM {cell}.usage_monthly AS u
      WHERE u.organisation_id = organisation AND u.key_id = ANY (keys) AND u.month BETWEEN first_month AND last_day
        AND u.day BETWEEN first_day AND last_day
    ) AS d
    GROUP BY d.day
    HAVING sum(d.requests) > 0 OR sum(d.tokens) > 0 OR sum(d.stt_secs) > 0
    ORDER BY d.day;
  END IF;
END
$$;
