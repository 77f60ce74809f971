-- Authenticates and charges a batch in which identical requests form one group: the fast path. It never waits for a
-- second look, and leaves what needs one to admit_many.
--
-- Arguments, decisions and guarantees are admit's, with one element per group. `counts` is each group's number of requests.
-- With several active peppers, a group comes once for each candidate hash, and at most one of them exists. An address is
-- NULL unless all requests of the group come from it.
--
-- The first `admitted` requests of a group are admitted, in order of arrival. `decision` is admitted, or why the next one
-- and all others are rejected. The counters are those before the group. An unknown key has no row.
--
-- undecided: nothing was charged, and an earlier row of the same position is void. Either it is the key's first charge of
-- the day or month, or the counter was charged in between. A key with an allowlist is also undecided if the group has no
-- address.
CREATE OR REPLACE FUNCTION {cell}.admit_groups(
  hashes bytea[], providers text[], counts integer[], requests bigint[], tokens bigint[], stt_secs bigint[],
  required_scopes text[], required_environments text[], addresses inet[]
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
      coalesce(u.used_stt_secs, 0) AS used_stt_secs, u.last_day, u.version, u.location,
      -- Addresses are read for keys with an allowlist alone, so they aren't unnested with the rest.
      CASE
        WHEN s.allowed_cidrs IS NOT NULL AND addresses[g.n] IS NULL THEN 'undecided'
        ELSE {cell}.check_key(
          s.revoked_at, s.expires_at, s.valid_until, judged_at, s.environment, g.environment, s.scopes, g.scopes,
          g.requests, g.tokens, g.stt_secs, s.allowed_cidrs, addresses[g.n])
      END AS rejection
    FROM unnest(hashes, providers, counts, requests, tokens, stt_secs, required_scopes, required_environments)
      WITH ORDINALITY AS g (hash, provider, requested, requests, tokens, stt_secs, scopes, environment, n)
    JOIN {cell}.api_key_secrets AS s
      ON s.secret_hash = g.hash AND (g.provider IS NULL OR EXISTS (
        SELECT FROM {cell}.organisations AS o
        WHERE o.organisation_id = s.organisation_id AND o.provider_id = g.provider))
    LEFT JOIN {cell}.counter_of(s.organisation_id, s.key_id, this_month) AS u ON true
    -- The order in which counters are locked.
    ORDER BY s.organisation_id COLLATE "C", s.key_id COLLATE "C", g.n
  ),
  fitted AS (
    SELECT f.*,
      -- How many requests fit. least() ignores the dimensions of which the group charges nothing.
      CASE WHEN f.rejection IS NULL THEN least(f.requested,
        CASE WHEN f.requests > 0
          THEN {cell}.remaining(f.usage_limit, f.used_requests, false) / f.requests END,
        CASE WHEN f.tokens > 0
          THEN {cell}.remaining(f.monthly_token_limit, f.used_tokens, false) / f.tokens END,
        CASE WHEN f.stt_secs > 0
          THEN {cell}.remaining(f.monthly_stt_secs_limit, f.used_stt_secs, false) / f.stt_secs END)
        ELSE 0
      END AS fitting
    FROM found AS f
    OFFSET 0 -- computes `fitting` once, not for each use
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
    WHERE u.ctid = j.location AND u.xmin = j.version AND j.is_due AND j.last_day = today
    RETURNING j.position
  )
  SELECT j.position,
    CASE
      WHEN j.rejection IS NOT NULL THEN j.rejection
      WHEN j.fitting = j.requested THEN 'admitted'
      ELSE {cell}.exceeded_dimension(
        j.requests, j.tokens, j.stt_secs, j.usage_limit, j.monthly_token_limit, j.monthly_stt_secs_limit,
        j.used_requests + j.requests * j.fitting, j.used_tokens + j.tokens * j.fitting,
        j.used_stt_secs + j.stt_secs * j.fitting, false)
    END,
    j.fitting::integer, j.organisation_id, j.key_id, j.environment, j.scopes,
    j.usage_limit, j.monthly_token_limit, j.monthly_stt_secs_limit,
    j.used_requests, j.used_tokens, j.used_stt_secs, judged_at
  FROM judged AS j
  UNION ALL
  SELECT j.position, 'undecided', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM judged AS j
  WHERE j.is_due
    AND (SELECT count(*) FROM charged) < (SELECT count(*) FROM judged AS e WHERE e.is_due)
    AND NOT EXISTS (SELECT FROM charged AS c WHERE c.position = j.position);
END
$$;
