-- Sweeps up to `batch` reservations whose time is over, and answers how many. Any node may call it at any time: what
-- another one (or a settlement) holds is skipped. Until a reservation is swept its amounts count as used, so a late
-- sweeper can refuse too much for a moment, and never admit too much.
CREATE OR REPLACE FUNCTION {cell}.expire_reservations(batch integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  swept integer;
  organisations text[];
  reservations text[];
BEGIN
  SELECT array_agg(e.organisation_id), array_agg(e.reservation_id), count(*)
  INTO organisations, reservations, swept
  FROM (
    SELECT r.organisation_id, r.reservation_id FROM {cell}.reservations AS r
    WHERE r.state = 'open' AND r.expires_at <= statement_timestamp()
    ORDER BY r.expires_at
    LIMIT batch
    FOR UPDATE SKIP LOCKED
  ) AS e;
  IF swept = 0 THEN
    RETURN 0;
  END IF;

  PERFORM FROM {cell}.usage_monthly AS u
  WHERE (u.organisation_id, u.key_id, u.month) IN (
    SELECT r.organisation_id, r.key_id, {cell}.month_of(r.day) FROM {cell}.reservations AS r
    JOIN unnest(organisations, reservations) AS e (organisation, reservation)
      ON r.organisation_id = e.organisation AND r.reservation_id = e.reservation)
  ORDER BY u.organisation_id COLLATE "C", u.key_id COLLATE "C", u.month
  FOR NO KEY UPDATE;

  WITH closed AS (
    UPDATE {cell}.reservations AS r
    SET state = 'expired', closed_at = statement_timestamp(), over_limit = false,
      settled_requests = CASE r.on_expiry WHEN 'charge' THEN r.requests ELSE 0 END,
      settled_tokens = CASE r.on_expiry WHEN 'charge' THEN r.tokens ELSE 0 END,
      settled_stt_secs = CASE r.on_expiry WHEN 'charge' THEN r.stt_secs ELSE 0 END
    FROM unnest(organisations, reservations) AS e (organisation, reservation)
    WHERE r.organisation_id = e.organisation AND r.reservation_id = e.reservation
    RETURNING r.*
  ),
  days AS (
    SELECT c.organisation_id, c.key_id, c.day, {cell}.month_of(c.day) AS month,
      sum(c.requests)::bigint AS requests, sum(c.tokens)::bigint AS tokens, sum(c.stt_secs)::bigint AS stt_secs,
      sum(c.requests - c.settled_requests)::bigint AS released_requests,
      sum(c.tokens - c.settled_tokens)::bigint AS released_tokens,
      sum(c.stt_secs - c.settled_stt_secs)::bigint AS released_stt_secs
    FROM closed AS c GROUP BY c.organisation_id, c.key_id, c.day
  ),
  -- The counter holds its last day, and usage_daily the others. Should the counter hold less than is released, as after
  -- a change of the schema in the middle of a day, usage_daily holds the rest.
  held AS MATERIALIZED (
    SELECT d.*,
      CASE WHEN u.day = d.day THEN least(d.released_requests, u.day_requests) ELSE 0 END AS held_requests,
      CASE WHEN u.day = d.day THEN least(d.released_tokens, u.day_tokens) ELSE 0 END AS held_tokens,
      CASE WHEN u.day = d.day THEN least(d.released_stt_secs, u.day_stt_secs) ELSE 0 END AS held_stt_secs
    FROM days AS d
    JOIN {cell}.usage_monthly AS u
      ON u.organisation_id = d.organisation_id AND u.key_id = d.key_id AND u.month = d.month
  ),
  counted AS (
    UPDATE {cell}.usage_monthly AS u
    SET used_requests = u.used_requests - m.released_requests,
      used_tokens = u.used_tokens - m.released_tokens,
      used_stt_secs = u.used_stt_secs - m.released_stt_secs,
      reserved_requests = u.reserved_requests - m.requests,
      reserved_tokens = u.reserved_tokens - m.tokens,
      reserved_stt_secs = u.reserved_stt_secs - m.stt_secs,
      day_requests = u.day_requests - m.held_requests,
      day_tokens = u.day_tokens - m.held_tokens,
      day_stt_secs = u.day_stt_secs - m.held_stt_secs
    FROM (
      SELECT h.organisation_id, h.key_id, h.month,
        sum(h.requests)::bigint AS requests, sum(h.tokens)::bigint AS tokens, sum(h.stt_secs)::bigint AS stt_secs,
        sum(h.released_requests)::bigint AS released_requests, sum(h.released_tokens)::bigint AS released_tokens,
        sum(h.released_stt_secs)::bigint AS released_stt_secs,
        sum(h.held_requests)::bigint AS held_requests, sum(h.held_tokens)::bigint AS held_tokens,
        sum(h.held_stt_secs)::bigint AS held_stt_secs
      FROM held AS h GROUP BY h.organisation_id, h.key_id, h.month
    ) AS m
    WHERE u.organisation_id = m.organisation_id AND u.key_id = m.key_id AND u.month = m.month
  )
  UPDATE {cell}.usage_daily AS d
  SET requests = d.requests - h.released_requests + h.held_requests,
    tokens = d.tokens - h.released_tokens + h.held_tokens,
    stt_secs = d.stt_secs - h.released_stt_secs + h.held_stt_secs
  FROM held AS h
  WHERE d.organisation_id = h.organisation_id AND d.key_id = h.key_id AND d.day = h.day
    AND (h.released_requests > h.held_requests OR h.released_tokens > h.held_tokens
      OR h.released_stt_secs > h.held_stt_secs);
  RETURN swept;
END
$$;
