-- Replaces a reservation's amounts with the true ones, in the day and month that were charged.
--
-- outcome: settled (now, or before with the same amounts), unknown (no such reservation of this key), settled_otherwise
-- (before, with other amounts), expired (by the database's clock, swept or not) or overflow (the counter would pass
-- 2^63 - 1). Only a settlement changes anything. over_limit: more was used than reserved, and the key is over a limit by
-- it. The counters are those of the month that was charged, after the settlement.
CREATE OR REPLACE FUNCTION {cell}.settle(
  organisation text, key text, reservation text, requests bigint, tokens bigint, stt_secs bigint,
  OUT outcome text, OUT over_limit boolean, OUT month date,
  OUT used_requests bigint, OUT used_tokens bigint, OUT used_stt_secs bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
  r {cell}.reservations;
  counter {cell}.usage_monthly;
  k {cell}.api_keys;
  -- 1 if the counter still holds the reservation's day, 0 if usage_daily does.
  in_counter integer;
  ceiling constant bigint := 9223372036854775807;
BEGIN
  PERFORM {cell}.require_tenant(organisation);
  -- NULL amounts would pass the comparisons below.
  IF (requests >= 0 AND tokens >= 0 AND stt_secs >= 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'settle: amounts are 0 or more' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT x.* INTO r FROM {cell}.reservations AS x
  WHERE x.organisation_id = organisation AND x.reservation_id = reservation AND x.key_id = key
  FOR UPDATE;
  IF NOT FOUND THEN
    outcome := 'unknown';
    RETURN;
  END IF;
  month := {cell}.month_of(r.day);
  SELECT u.* INTO counter FROM {cell}.usage_monthly AS u
  WHERE u.organisation_id = organisation AND u.key_id = key AND u.month = month
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    -- A reservation of nothing created no counter.
    INSERT INTO {cell}.usage_monthly (organisation_id, key_id, month) VALUES (organisation, key, month)
    ON CONFLICT ON CONSTRAINT usage_monthly_pkey DO NOTHING;
    SELECT u.* INTO counter FROM {cell}.usage_monthly AS u
    WHERE u.organisation_id = organisation AND u.key_id = key AND u.month = month
    FOR NO KEY UPDATE;
  END IF;
  used_requests := counter.used_requests;
  used_tokens := counter.used_tokens;
  used_stt_secs := counter.used_stt_secs;
  IF r.state = 'settled' THEN
    over_limit := r.over_limit;
    outcome := CASE
      WHEN (r.settled_requests, r.settled_tokens, r.settled_stt_secs) = (requests, tokens, stt_secs) THEN 'settled'
      ELSE 'settled_otherwise'
    END;
    RETURN;
  ELSIF r.state = 'expired' OR r.expires_at <= statement_timestamp() THEN
    outcome := 'expired';
    RETURN;
  ELSIF requests - r.requests > ceiling - counter.used_requests OR tokens - r.tokens > ceiling - counter.used_tokens
    OR stt_secs - r.stt_secs > ceiling - counter.used_stt_secs
  THEN
    outcome := 'overflow';
    RETURN;
  END IF;

  used_requests := used_requests - r.requests + requests;
  used_tokens := used_tokens - r.tokens + tokens;
  used_stt_secs := used_stt_secs - r.stt_secs + stt_secs;
  in_counter := CASE WHEN counter.day = r.day THEN 1 ELSE 0 END;
  UPDATE {cell}.usage_monthly AS u
  SET used_requests = used_requests, used_tokens = used_tokens, used_stt_secs = used_stt_secs,
    reserved_requests = u.reserved_requests - r.requests,
    reserved_tokens = u.reserved_tokens - r.tokens,
    reserved_stt_secs = u.reserved_stt_secs - r.stt_secs,
    day_requests = u.day_requests + (requests - r.requests) * in_counter,
    day_tokens = u.day_tokens + (tokens - r.tokens) * in_counter,
    day_stt_secs = u.day_stt_secs + (stt_secs - r.stt_secs) * in_counter
  WHERE u.organisation_id = organisation AND u.key_id = key AND u.month = month;
  IF in_counter = 0 THEN
    -- A reservation of nothing created no day either.
    INSERT INTO {cell}.usage_daily AS d (organisation_id, key_id, day, requests, tokens, stt_secs)
    VALUES (organisation, key, r.day, requests, tokens, stt_secs)
    ON CONFLICT (organisation_id, key_id, day) DO UPDATE
    SET requests = d.requests - r.requests + excluded.requests, tokens = d.tokens - r.tokens + excluded.tokens,
      stt_secs = d.stt_secs - r.stt_secs + excluded.stt_secs;
  END IF;
  SELECT x.* INTO k FROM {cell}.api_keys AS x WHERE x.organisation_id = organisation AND x.key_id = key;
  over_limit := coalesce(requests > r.requests AND used_requests > k.usage_limit, false)
    OR coalesce(tokens > r.tokens AND used_tokens > k.monthly_token_limit, false)
    OR coalesce(stt_secs > r.stt_secs AND used_stt_secs > k.monthly_stt_secs_limit, false);
  UPDATE {cell}.reservations AS x
  SET state = 'settled', closed_at = statement_timestamp(), settled_requests = requests, settled_tokens = tokens,
    settled_stt_secs = stt_secs, over_limit = over_limit
  WHERE x.organisation_id = organisation AND x.reservation_id = reservation;
  outcome := 'settled';
END
$$;
