-- The quick way to charge a batch: requests that are alike go as one group, and what needs a second look is left
-- to admit_many. One call is one transaction, as there, and the same promises hold.
--
-- Arguments, one element a group of at least one request: a candidate hash and what each request of the group
-- presents, charges and requires, as in admit; `counts` is how many requests the group has. With several
-- active peppers a group comes once for each of its candidates, under as many positions: one of them at most exists.
-- Of `addresses` an element is where all requests of the group come from; NULL where they differ, or it is not known.
--
-- decision: as in admit, where 0 admits the first `admitted` requests of the group, in order of arrival;
-- 7/8/9 says why the one after them was refused, and with it all the rest. The counters are those before the group. A
-- hash that is nobody's has no answer. A group whose charge could not be made has a second answer further down, which
-- takes back the first: 11, nothing is decided and nothing charged. It is the month's or the day's first charge, or
-- somebody else charged the key in between. A key that is allowed from some addresses only, in a group without one, has
-- 11 for its only answer.
--
-- How it is exact: as in admit, by one snapshot, and the counter is written only if it is still the version
-- that was judged.
CREATE OR REPLACE FUNCTION {cell}.admit_groups(
  hashes bytea[], providers text[], counts integer[], requests bigint[], tokens bigint[], stt_secs bigint[],
  required_scopes text[], required_environments text[], addresses inet[] DEFAULT NULL
) RETURNS SETOF {cell}.group_admission
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_mergejoin = off
SET enable_hashjoin = off
AS $$
#variable_conflict use_column
DECLARE
  judged_at constant timestamptz := statement_timestamp();
  today constant date := (judged_at AT TIME ZONE 'UTC')::date;
  this_month constant date := {cell}.month_of(today);
BEGIN
  RETURN QUERY
  WITH found AS MATERIALIZED (
    SELECT g.n::integer AS position, g.requested, g.requests, g.tokens, g.stt_secs,
      s.organisation_id, s.key_id, s.environment, s.scopes,
      s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit,
      coalesce(u.used_requests, 0) AS used_requests, coalesce(u.used_tokens, 0) AS used_tokens,
      coalesce(u.used_stt_secs, 0) AS used_stt_secs,
      u.xmin AS version, u.ctid AS location, u.day,
      -- The address is looked at for keys with a list alone, and not unnested beside the rest.
      CASE WHEN s.allowed_cidrs IS NOT NULL AND addresses[g.n] IS NULL THEN 11::smallint
      ELSE {cell}.check_key(
        g.provider IS NULL OR EXISTS (
          SELECT FROM {cell}.organisations AS o
          WHERE o.organisation_id = s.organisation_id AND o.provider_id = g.provider),
        s.revoked_at, s.expires_at, s.valid_until, judged_at, s.environment, g.environment, s.scopes, g.scopes,
        g.requests, g.tokens, g.stt_secs, s.allowed_cidrs, addresses[g.n])
      END AS verdict
    FROM unnest(hashes, providers, counts, requests, tokens, stt_secs, required_scopes, required_environments)
      WITH ORDINALITY AS g (hash, provider, requested, requests, tokens, stt_secs, scopes, environment, n)
    JOIN {cell}.api_key_secrets AS s ON s.secret_hash = g.hash
    -- What is compared by IS NOT DISTINCT FROM is left to the hash index's tuple: no other index is taken.
    LEFT JOIN {cell}.usage_monthly AS u
      ON hashtextextended(u.key_id, u.month - DATE '2000-01-01')
        = hashtextextended(s.key_id, this_month - DATE '2000-01-01')
      AND u.organisation_id IS NOT DISTINCT FROM s.organisation_id AND u.key_id IS NOT DISTINCT FROM s.key_id
      AND u.month IS NOT DISTINCT FROM this_month
    -- The order in which counters are locked.
    ORDER BY s.organisation_id COLLATE "C", s.key_id COLLATE "C", g.n
  ),
  fitted AS (
    SELECT f.*,
      -- least() passes over the dimensions of which nothing is asked.
      CASE WHEN f.verdict = 0 THEN least(f.requested,
        CASE WHEN f.requests > 0
          THEN {cell}.remaining(f.usage_limit, f.used_requests, false) / f.requests END,
        CASE WHEN f.tokens > 0
          THEN {cell}.remaining(f.monthly_token_limit, f.used_tokens, false) / f.tokens END,
        CASE WHEN f.stt_secs > 0
          THEN {cell}.remaining(f.monthly_stt_secs_limit, f.used_stt_secs, false) / f.stt_secs END)
        ELSE 0
      END AS fitting
    FROM found AS f
    OFFSET 0 -- or `fitting` would be calculated again for each of its uses
  ),
  judged AS MATERIALIZED (
    SELECT f.*, f.fitting > 0 AND (f.requests > 0 OR f.tokens > 0 OR f.stt_secs > 0) AS is_due FROM fitted AS f
  ),
  charged AS (
    UPDATE {cell}.usage_monthly AS u
    SET used_requests = u.used_requests + j.requests * j.fitting,
      used_tokens = u.used_tokens + j.tokens * j.fitting,
      used_stt_secs = u.used_stt_secs + j.stt_secs * j.fitting,
      day_requests = u.day_requests + j.requests * j.fitting,
      day_tokens = u.day_tokens + j.tokens * j.fitting,
      day_stt_secs = u.day_stt_secs + j.stt_secs * j.fitting,
      last_used_at = judged_at
    FROM judged AS j
    WHERE u.ctid = j.location AND u.xmin = j.version AND j.is_due AND j.day = today
    RETURNING j.position
  )
  SELECT j.position,
    CASE
      WHEN j.verdict <> 0 OR j.fitting = j.requested THEN j.verdict
      ELSE {cell}.exceeded_dimension(j.requests, j.tokens, j.stt_secs,
        j.usage_limit, j.monthly_token_limit, j.monthly_stt_secs_limit,
        j.used_requests + j.requests * j.fitting, j.used_tokens + j.tokens * j.fitting,
        j.used_stt_secs + j.stt_secs * j.fitting, false)
    END,
    j.fitting::integer, j.organisation_id, j.key_id, j.environment, j.scopes,
    j.usage_limit, j.monthly_token_limit, j.monthly_stt_secs_limit,
    j.used_requests, j.used_tokens, j.used_stt_secs, judged_at
  FROM judged AS j
  UNION ALL
  SELECT j.position, 11::smallint, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM judged AS j
  WHERE j.is_due
    AND (SELECT count(*) FROM charged) < (SELECT count(*) FROM judged AS e WHERE e.is_due)
    AND NOT EXISTS (SELECT FROM charged AS c WHERE c.position = j.position);
END
$$;

-- An earlier form of it needed this one.
