-- Authenticates and charges a batch of requests: the heart of Keymeter. One call is one transaction; its answers
-- may be given once it is committed.
--
-- Arguments, one element a request (at most 1,024; NULL for a whole optional array is NULL for every element):
--   hashes                 candidate secret hashes, as many a request as there are active peppers, in a row
--   providers              the provider id that the key must belong to; NULL is any
--   requests, tokens, stt_secs   the amounts, 0 to 2^53 - 1
--   required_scopes        space-separated; NULL is none
--   required_environments  NULL is any
--   kind                   0 verify, 1 reserve (the amounts also count as reserved), 2 record (limits don't refuse)
--   addresses              where each request comes from; NULL is not known, and so nowhere a key with a list is allowed
--
-- decision: 0 admitted, 1 provider unknown, 2 no such key (of that provider), 3 revoked, 4 expired, 5 wrong
--   environment, 6 a scope is missing, 7/8/9 over the limit of requests/tokens/stt_secs (also, whatever the kind,
--   when the counter itself would pass 2^63 - 1), 10 an amount is not valid, 12 not allowed from this address. From 3
--   on the key is named and its limits and counters are given, as they are after the request.
--
-- How it is exact. A request is judged by one snapshot that is younger than the call: key, limits and counter
-- together. The counter is then written only if it is still the version that was judged (xmin); otherwise somebody
-- else charged in between, its row is now locked by us, and the request is judged again by a new snapshot.
-- So the judgement and the charge are one step in the counter's order, whatever we waited for. A change that must
-- not be overtaken by a request which is under way (a limit lowered) writes a new version of the counter too:
-- bump_counter_version. A refusal writes nothing, and so waits for no disk; neither does a charge of nothing.
-- Counters are locked by organisation and key in COLLATE "C" order, so that batches never wait for each other
-- in a circle.
CREATE OR REPLACE FUNCTION {cell}.admit(
  hashes bytea[], providers text[], requests bigint[], tokens bigint[], stt_secs bigint[],
  required_scopes text[], required_environments text[], kind smallint DEFAULT 0,
  addresses inet[] DEFAULT NULL
) RETURNS SETOF {cell}.admission
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  judged_at constant timestamptz := statement_timestamp();
  today constant date := (judged_at AT TIME ZONE 'UTC')::date;
  this_month constant date := {cell}.month_of(today);
  requested constant integer := cardinality(requests);
  held constant bigint := CASE WHEN kind = 1 THEN 1 ELSE 0 END;
  unlimited constant boolean := kind = 2;
  answer {cell}.admission;
  version xid;
  location tid;
  -- What the counter holds of its last day.
  last_day date;
  day_requests bigint;
  day_tokens bigint;
  day_stt_secs bigint;
  asked_requests bigint;
  asked_tokens bigint;
  asked_stt_secs bigint;
  charged boolean;
BEGIN
  IF requested <> 1 THEN
    RETURN QUERY SELECT * FROM {cell}.admit_many(
      hashes, providers, requests, tokens, stt_secs, required_scopes, required_environments, kind,
      addresses);
    RETURN;
  END IF;

  -- A batch of one, which is what an idle server sends: one statement.
  asked_requests := requests[1];
  asked_tokens := tokens[1];
  asked_stt_secs := stt_secs[1];
  LOOP
    SELECT
      {cell}.check_key(
        providers[1] IS NULL OR EXISTS (
          SELECT FROM {cell}.organisations AS o
          WHERE o.organisation_id = s.organisation_id AND o.provider_id = providers[1]),
        s.revoked_at, s.expires_at, s.valid_until, judged_at, s.environment, required_environments[1], s.scopes,
        required_scopes[1], asked_requests, asked_tokens, asked_stt_secs, s.allowed_cidrs, addresses[1]),
      s.organisation_id, s.key_id, s.environment, s.scopes,
      s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit,
      coalesce(u.used_requests, 0), coalesce(u.used_tokens, 0), coalesce(u.used_stt_secs, 0), u.xmin, u.ctid,
      u.day, u.day_requests, u.day_tokens, u.day_stt_secs
    INTO answer.decision, answer.organisation_id, answer.key_id, answer.environment, answer.scopes,
      answer.limit_requests, answer.limit_tokens, answer.limit_stt_secs,
      answer.used_requests, answer.used_tokens, answer.used_stt_secs, version, location,
      last_day, day_requests, day_tokens, day_stt_secs
    FROM {cell}.api_key_secrets AS s
    -- What is compared by IS NOT DISTINCT FROM is left to the hash index's tuple: no other index is taken.
    LEFT JOIN {cell}.usage_monthly AS u
      ON hashtextextended(u.key_id, u.month - DATE '2000-01-01')
        = hashtextextended(s.key_id, this_month - DATE '2000-01-01')
      AND u.organisation_id IS NOT DISTINCT FROM s.organisation_id AND u.key_id IS NOT DISTINCT FROM s.key_id
      AND u.month IS NOT DISTINCT FROM this_month
    WHERE s.secret_hash = ANY (hashes);

    IF NOT FOUND OR answer.decision = 2 THEN
      answer := NULL;
      answer.decision := CASE
        WHEN providers[1] IS NULL
          OR EXISTS (SELECT FROM {cell}.organisations AS o WHERE o.provider_id = providers[1]) THEN 2
        ELSE 1
      END;
      EXIT;
    END IF;
    EXIT WHEN answer.decision <> 0;
    answer.decision := {cell}.exceeded_dimension(asked_requests, asked_tokens, asked_stt_secs,
      answer.limit_requests, answer.limit_tokens, answer.limit_stt_secs,
      answer.used_requests, answer.used_tokens, answer.used_stt_secs, unlimited);
    EXIT WHEN answer.decision <> 0 OR (asked_requests = 0 AND asked_tokens = 0 AND asked_stt_secs = 0);

    IF version IS NULL THEN
      -- The month's first charge. Whoever loses the race waits here; all judge again.
      INSERT INTO {cell}.usage_monthly (organisation_id, key_id, month)
      VALUES (answer.organisation_id, answer.key_id, this_month)
      ON CONFLICT ON CONSTRAINT usage_monthly_pkey DO NOTHING;
      CONTINUE;
    END IF;
    IF last_day IS DISTINCT FROM today THEN
      -- The lock on usage_daily itself comes before the counter's: the other way round would be a circle with whoever
      -- adds a partition.
      LOCK TABLE ONLY {cell}.usage_daily IN ROW EXCLUSIVE MODE;
    END IF;
    UPDATE {cell}.usage_monthly AS u
    SET used_requests = u.used_requests + asked_requests,
      used_tokens = u.used_tokens + asked_tokens,
      used_stt_secs = u.used_stt_secs + asked_stt_secs,
      reserved_requests = u.reserved_requests + asked_requests * held,
      reserved_tokens = u.reserved_tokens + asked_tokens * held,
      reserved_stt_secs = u.reserved_stt_secs + asked_stt_secs * held,
      day = greatest(u.day, today),
      day_requests = {cell}.day_counter_after(u.day, u.day_requests, today, asked_requests),
      day_tokens = {cell}.day_counter_after(u.day, u.day_tokens, today, asked_tokens),
      day_stt_secs = {cell}.day_counter_after(u.day, u.day_stt_secs, today, asked_stt_secs),
      last_used_at = judged_at
    WHERE u.ctid = location AND u.xmin = version;
    charged := FOUND;
    IF charged AND last_day IS DISTINCT FROM today THEN
      -- The day's first charge, or one that comes after the next day's.
      INSERT INTO {cell}.usage_daily AS d (organisation_id, key_id, day, requests, tokens, stt_secs)
      SELECT answer.organisation_id, answer.key_id, f.day, f.requests, f.tokens, f.stt_secs
      FROM {cell}.daily_rollover(
        last_day, day_requests, day_tokens, day_stt_secs, today, asked_requests, asked_tokens, asked_stt_secs) AS f
      ON CONFLICT (organisation_id, key_id, day) DO UPDATE
      SET requests = d.requests + excluded.requests, tokens = d.tokens + excluded.tokens,
        stt_secs = d.stt_secs + excluded.stt_secs;
    END IF;
    IF charged THEN
      answer.used_requests := answer.used_requests + asked_requests;
      answer.used_tokens := answer.used_tokens + asked_tokens;
      answer.used_stt_secs := answer.used_stt_secs + asked_stt_secs;
      EXIT;
    END IF;
    -- Somebody else charged in between. With the row locked the next judgement stands, however hot the key is.
    PERFORM FROM {cell}.usage_monthly AS u
    WHERE u.organisation_id = answer.organisation_id AND u.key_id = answer.key_id AND u.month = this_month
    FOR NO KEY UPDATE;
  END LOOP;
  answer.position := 1;
  answer.judged_at := judged_at;
  answer.month := this_month;
  RETURN NEXT answer;
END
$$;
