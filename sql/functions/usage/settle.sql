-- The true amounts take the place of those that a reservation holds, in the month and day that were charged.
-- outcome: 0 settled (now, or before with the same amounts), 1 no such reservation of this key, 2 settled before with
-- other amounts, 3 expired (by the database's clock, whether or not it was swept yet; nothing changes), 4 the counter
-- would pass 2^63 - 1 (nothing changes). over_limit says that more was used than reserved, and that the key is over
-- a limit by it. The counters are the charged month's, after the settlement.
CREATE OR REPLACE FUNCTION {cell}.settle(
  organisation text, key text, reservation text, requests bigint, tokens bigint, stt_secs bigint,
  OUT outcome smallint, OUT over_limit boolean, OUT month date,
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
  -- What the counter holds of its last day after the settlement, if that is the reservation's day. Below 0 is what
  -- usage_daily holds of it instead, as after a change of the schema in the middle of a day.
  day_requests bigint;
  day_tokens bigint;
  day_stt_secs bigint;
  ceiling constant bigint := 9223372036854775807;
BEGIN
  PERFORM {cell}.require_tenant(organisation);
  -- NULL amounts would compare as neither.
  IF (requests >= 0 AND tokens >= 0 AND stt_secs >= 0) IS NOT TRUE THEN
    RAISE EXCEPTION 'settle: amounts are 0 or more' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT x.* INTO r FROM {cell}.reservations AS x
  WHERE x.organisation_id = organisation AND x.reservation_id = reservation AND x.key_id = key
  FOR UPDATE;
  IF NOT FOUND THEN
    outcome := 1;
    RETURN;
  END IF;
  month := {cell}.month_of(r.day);
  SELECT u.* INTO counter FROM {cell}.usage_monthly AS u
  WHERE u.organisation_id = organisation AND u.key_id = key AND u.month = month
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    -- A reservation of nothing made no counter; what is settled for it needs one.
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
      WHEN (r.settled_requests, r.settled_tokens, r.settled_stt_secs) = (requests, tokens, stt_secs) THEN 0 ELSE 2 END;
    RETURN;
  ELSIF r.state = 'expired' OR r.expires_at <= statement_timestamp() THEN
    outcome := 3;
    RETURN;
  ELSIF requests - r.requests > ceiling - counter.used_requests OR tokens - r.tokens > ceiling - counter.used_tokens
    OR stt_secs - r.stt_secs > ceiling - counter.used_stt_secs
  THEN
    outcome := 4;
    RETURN;
  END IF;

  used_requests := used_requests - r.requests + requests;
  used_tokens := used_tokens - r.tokens + tokens;
  used_stt_secs := used_stt_secs - r.stt_secs + stt_secs;
  IF counter.day = r.day THEN
    day_requests := counter.day_requests - r.requests + requests;
    day_tokens := counter.day_tokens - r.tokens + tokens;
    day_stt_secs := counter.day_stt_secs - r.stt_secs + stt_secs;
    UPDATE {cell}.usage_daily AS d
    SET requests = d.requests + least(day_requests, 0), tokens = d.tokens + least(day_tokens, 0),
      stt_secs = d.stt_secs + least(day_stt_secs, 0)
    WHERE d.organisation_id = organisation AND d.key_id = key AND d.day = r.day
      AND least(day_requests, day_tokens, day_stt_secs) < 0;
  ELSE
    day_requests := counter.day_requests;
    day_tokens := counter.day_tokens;
    day_stt_secs := counter.day_stt_secs;
    -- A reservation of nothing made no day either.
    INSERT INTO {cell}.usage_daily AS d (organisation_id, key_id, day, requests, tokens, stt_secs)
    VALUES (organisation, key, r.day, requests, tokens, stt_secs)
    ON CONFLICT (organisation_id, key_id, day) DO UPDATE
    SET requests = d.requests - r.requests + excluded.requests, tokens = d.tokens - r.tokens + excluded.tokens,
      stt_secs = d.stt_secs - r.stt_secs + excluded.stt_secs;
  END IF;
  UPDATE {cell}.usage_monthly AS u
  SET used_requests = used_requests, used_tokens = used_tokens, used_stt_secs = used_stt_secs,
    reserved_requests = u.reserved_requests - r.requests,
    reserved_tokens = u.reserved_tokens - r.tokens,
    reserved_stt_secs = u.reserved_stt_secs - r.stt_secs,
    day_requests = greatest(day_requests, 0), day_tokens = greatest(day_tokens, 0),
    day_stt_secs = greatest(day_stt_secs, 0)
  WHERE u.organisation_id = organisation AND u.key_id = key AND u.month = month;
  SELECT x.* INTO k FROM {cell}.api_keys AS x WHERE x.organisation_id = organisation AND x.key_id = key;
  over_limit := coalesce(requests > r.requests AND used_requests > k.usage_limit, false)
    OR coalesce(tokens > r.tokens AND used_tokens > k.monthly_token_limit, false)
    OR coalesce(stt_secs > r.stt_secs AND used_stt_secs > k.monthly_stt_secs_limit, false);
  UPDATE {cell}.reservations AS x
  SET state = 'settled', closed_at = statement_timestamp(), settled_requests = requests, settled_tokens = tokens,
    settled_stt_secs = stt_secs, over_limit = over_limit
  WHERE x.organisation_id = organisation AND x.reservation_id = reservation;
  outcome := 0;
END
$$;
