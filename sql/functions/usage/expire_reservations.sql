-- Ends up to `batch` reservations whose time is over, and returns how many. Any node may call it at any time: it skips
-- what another node or a settlement has locked. Amounts count as used until their reservation is swept, so a late sweep
-- can reject too much for a moment, and never admits too much.
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
      settled_requests = CASE WHEN r.on_expiry = 'charge' THEN r.requests ELSE 0 END,
      settled_tokens = CASE WHEN r.on_expiry = 'charge' THEN r.tokens ELSE 0 END,
      settled_stt_secs = CASE WHEN r.on_expiry = 'charge' THEN r.stt_secs ELSE 0 END
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
  -- The counter holds its last day, usage_daily the days before.
  placed AS MATERIALIZED (
    SELECT d.*, d.day IS NOT DISTINCT FROM u.day AS in_counter
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
      day_requests = u.day_requests - m.day_requests,
      day_tokens = u.day_tokens - m.day_tokens,
      day_stt_secs = u.day_stt_secs - m.day_stt_secs
    FROM (
      SELECT p.organisation_id, p.key_id, p.month,
        sum(p.requests)::bigint AS requests, sum(p.tokens)::bigint AS tokens, sum(p.stt_secs)::bigint AS stt_secs,
        sum(p.released_requests)::bigint AS released_requests, sum(p.released_tokens)::bigint AS released_tokens,
        sum(p.released_stt_secs)::bigint AS released_stt_secs,
        sum(CASE WHEN p.in_counter THEN p.released_requests ELSE 0 END)::bigint AS day_requests,
        sum(CASE WHEN p.in_counter THEN p.released_tokens ELSE 0 END)::bigint AS day_tokens,
        sum(CASE WHEN p.in_counter THEN p.released_stt_secs ELSE 0 END)::bigint AS day_stt_secs
      FROM placed AS p GROUP BY p.organisation_id, p.key_id, p.month
    ) AS m
    WHERE u.organisation_id = m.organisation_id AND u.key_id = m.key_id AND u.month = m.month
  )
  UPDATE {cell}.usage_daily AS d
  SET requests = d.requests - p.released_requests, tokens = d.tokens - p.released_tokens,
    stt_secs = d.stt_secs - p.released_stt_secs
  FROM placed AS p
  WHERE d.organisation_id = p.organisation_id AND d.key_id = p.key_id AND d.day = p.day AND NOT p.in_counter
    AND (p.released_requests > 0 OR p.released_tokens > 0 OR p.released_stt_secs > 0);
  RETURN swept;
END
$$;
