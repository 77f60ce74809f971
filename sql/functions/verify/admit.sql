-- Authenticates and charges one request. Use the result only once the transaction has committed.
--
-- hashes: the candidate secret hashes, one for each active pepper
-- provider: the provider id that the key must belong to; NULL is any
-- requests, tokens, stt_secs: the amounts, 0 to 2^53 - 1
-- required_scopes: separated by spaces; NULL for none
-- required_environment: NULL is any
-- address: the client's; a key with an allowlist is rejected if it is NULL
-- kind: verify, reserve (the amounts also count as reserved) or record (limits don't apply)
--
-- decision: admitted, unknown_provider, unknown_key, revoked, expired, address_not_allowed, environment_mismatch,
-- scope_missing, invalid_amount, or over_limit_ and the dimension (also if the counter would pass 2^63 - 1, of any kind).
-- From revoked on, the row has the key, its limits and its counters after the request.
--
-- Exactness by optimistic locking: key, limits and counter come from one snapshot that is younger than the call. The
-- counter is charged only if it is still the version (xmin) that was judged. If not, or if it isn't at today's day yet,
-- admit_many locks the counter and judges again. A change that lowers a limit or ends a key also writes a new version
-- (bump_counter_version). A rejection and a charge of nothing write nothing, so they don't wait for the disk.
CREATE OR REPLACE FUNCTION {cell}.admit(
  hashes bytea[], provider text, requests bigint, tokens bigint, stt_secs bigint,
  required_scopes text, required_environment text, address inet, kind text DEFAULT 'verify'
) RETURNS {cell}.admission
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
  judged_at constant timestamptz := statement_timestamp();
  today constant date := (judged_at AT TIME ZONE 'UTC')::date;
  this_month constant date := {cell}.month_of(today);
  held constant bigint := CASE WHEN kind = 'reserve' THEN 1 ELSE 0 END;
  answer {cell}.admission;
  version xid;
  location tid;
BEGIN
  SELECT
    1,
    coalesce(
      j.rejection,
      {cell}.exceeded_dimension(
        requests, tokens, stt_secs, j.limit_requests, j.limit_tokens, j.limit_stt_secs,
        j.used_requests, j.used_tokens, j.used_stt_secs, kind = 'record'),
      'admitted'),
    j.organisation_id, j.key_id, j.environment, j.scopes, j.limit_requests, j.limit_tokens, j.limit_stt_secs,
    j.used_requests, j.used_tokens, j.used_stt_secs, judged_at, this_month, j.version, j.location
  INTO answer.position, answer.decision, answer.organisation_id, answer.key_id, answer.environment, answer.scopes,
    answer.limit_requests, answer.limit_tokens, answer.limit_stt_secs,
    answer.used_requests, answer.used_tokens, answer.used_stt_secs, answer.judged_at, answer.month, version, location
  FROM {cell}.judge(
    hashes, provider, requests, tokens, stt_secs, required_scopes, required_environment, address, judged_at,
    this_month) AS j;
  IF answer.decision <> 'admitted' OR (requests = 0 AND tokens = 0 AND stt_secs = 0) THEN
    RETURN answer;
  END IF;

  UPDATE {cell}.usage_monthly AS u
  SET used_requests = u.used_requests + requests,
    used_tokens = u.used_tokens + tokens,
    used_stt_secs = u.used_stt_secs + stt_secs,
    reserved_requests = u.reserved_requests + requests * held,
    reserved_tokens = u.reserved_tokens + tokens * held,
    reserved_stt_secs = u.reserved_stt_secs + stt_secs * held,
    day_requests = u.day_requests + requests,
    day_tokens = u.day_tokens + tokens,
    day_stt_secs = u.day_stt_secs + stt_secs,
    last_used_at = judged_at
  WHERE u.ctid = location AND u.xmin = version AND u.day = today;
  IF NOT FOUND THEN
    SELECT a.* INTO answer
    FROM {cell}.admit_many(
      hashes, ARRAY[provider], ARRAY[requests], ARRAY[tokens], ARRAY[stt_secs], ARRAY[required_scopes],
      ARRAY[required_environment], ARRAY[address], kind) AS a;
    RETURN answer;
  END IF;
  answer.used_requests := answer.used_requests + requests;
  answer.used_tokens := answer.used_tokens + tokens;
  answer.used_stt_secs := answer.used_stt_secs + stt_secs;
  RETURN answer;
END
$$;
