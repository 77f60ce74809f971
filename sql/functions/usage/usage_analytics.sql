-- Usage per day from first_day to last_day, both inclusive. If keys is NULL, the whole organisation with its deleted keys.
-- Only days with usage have a row.
--
-- Two queries, each planned for its arguments. One key of a large organisation needs the index; the whole of a large
-- organisation needs parallel workers. One query for both would do neither well.
CREATE OR REPLACE FUNCTION {cell}.usage_analytics(organisation text, keys text[], first_day date, last_day date)
RETURNS TABLE (day date, requests numeric, tokens numeric, stt_secs numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off -- compiling takes longer than the query for one key
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
      -- The last day of each counter.
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
