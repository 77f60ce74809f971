-- admit for more than one request; see there for what it promises. The same rules over sets: judge all
-- requests, lock the counters, charge each key once.
CREATE OR REPLACE FUNCTION {cell}.admit_many(
  hashes bytea[], providers text[], requests bigint[], tokens bigint[], stt_secs bigint[],
  required_scopes text[], required_environments text[], kind smallint,
  addresses inet[] DEFAULT NULL
) RETURNS SETOF {cell}.admission
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  judged_at constant timestamptz := statement_timestamp();
  today constant date := (judged_at AT TIME ZONE 'UTC')::date;
  this_month constant date := {cell}.month_of(today);
  requested constant integer := cardinality(requests);
  -- How many candidate hashes a request has.
  peppers constant integer := cardinality(hashes) / greatest(requested, 1);
  held constant bigint := CASE WHEN kind = 1 THEN 1 ELSE 0 END;
  unlimited constant boolean := kind = 2;
  -- The positions to judge again; NULL is all, in the first pass.
  todo integer[];
  judged {cell}.admission[];
  answers {cell}.admission[];
  -- The keys to charge, one element each, in lock order.
  places integer[];
  organisations text[];
  keys text[];
  versions xid[];
  due_requests bigint[];
  due_tokens bigint[];
  due_stt_secs bigint[];
  -- Every request of a key that can't admit all that is asked of it: key by key, in order of arrival.
  crowded integer[];
  crowded_places integer[];
  place integer;
  due integer;
  answer {cell}.admission;
  charged_places integer[];
  roomy boolean;
BEGIN
  IF requested = 0 THEN
    RETURN;
  END IF;
  IF requested > 1024 OR peppers = 0 OR cardinality(hashes) <> requested * peppers
    OR cardinality(tokens) <> requested OR cardinality(stt_secs) <> requested
    OR cardinality(providers) <> requested OR cardinality(required_scopes) <> requested
    OR cardinality(required_environments) <> requested OR cardinality(addresses) <> requested
  THEN
    RAISE EXCEPTION 'admit: the arrays differ in length, or are longer than 1024'
      USING ERRCODE = 'array_subscript_error';
  END IF;

  LOOP
    WITH facts AS MATERIALIZED (
      SELECT s.secret_hash, s.valid_until, s.organisation_id, s.key_id, s.revoked_at, s.expires_at, s.environment,
        s.scopes, s.allowed_cidrs, s.usage_limit, s.monthly_token_limit, s.monthly_stt_secs_limit,
        u.xmin AS version, u.ctid AS location, u.day AS last_day, u.day_requests, u.day_tokens, u.day_stt_secs,
        coalesce(u.used_requests, 0) AS used_requests, coalesce(u.used_tokens, 0) AS used_tokens,
        coalesce(u.used_stt_secs, 0) AS used_stt_secs,
        dense_rank() OVER (ORDER BY s.organisation_id COLLATE "C", s.key_id COLLATE "C")::integer AS place
      FROM {cell}.api_key_secrets AS s
      LEFT JOIN {cell}.usage_monthly AS u
        ON u.organisation_id = s.organisation_id AND u.key_id = s.key_id AND u.month = this_month
      WHERE s.secret_hash = ANY (hashes)
    ),
    known AS MATERIALIZED (
      SELECT o.provider_id, o.organisation_id FROM {cell}.organisations AS o WHERE o.provider_id = ANY (providers)
    ),
    candidates AS (
      SELECT (n - 1) / peppers + 1 AS position, f.*
      -- The planner takes a generated series for 1,000 rows and = ANY for 10, and so hashes the latter.
      FROM generate_series(1, requested * peppers) AS n JOIN facts AS f ON f.secret_hash = hashes[n]
    ),
    authenticated AS (
      SELECT i, requests[i] AS requests, tokens[i] AS tokens, stt_secs[i] AS stt_secs, c.*,
        CASE
          WHEN providers[i] IS NOT NULL AND o.organisation_id IS NULL THEN 1
          WHEN c.place IS NULL THEN 2
          ELSE {cell}.check_key(
            true, c.revoked_at, c.expires_at, c.valid_until, judged_at, c.environment, required_environments[i],
            c.scopes, required_scopes[i], requests[i], tokens[i], stt_secs[i], c.allowed_cidrs, addresses[i])
        END::smallint AS verdict
      FROM generate_series(1, requested) AS i
      LEFT JOIN known AS o ON o.provider_id = providers[i]
      LEFT JOIN candidates AS c
        ON c.position = i AND (providers[i] IS NULL OR o.organisation_id = c.organisation_id)
      WHERE todo IS NULL OR i = ANY (todo)
    ),
    asked AS (
      SELECT a.*,
        CASE
          WHEN verdict <> 0 THEN verdict
          ELSE {cell}.exceeded_dimension(requests, tokens, stt_secs, usage_limit, monthly_token_limit, monthly_stt_secs_limit,
            used_requests, used_tokens, used_stt_secs, unlimited)
        END AS decision
      FROM authenticated AS a
    ),
    summed AS MATERIALIZED (
      SELECT a.*,
        {cell}.sum_amounts(requests) FILTER (WHERE decision = 0) OVER so_far AS sum_requests,
        {cell}.sum_amounts(tokens) FILTER (WHERE decision = 0) OVER so_far AS sum_tokens,
        {cell}.sum_amounts(stt_secs) FILTER (WHERE decision = 0) OVER so_far AS sum_stt_secs,
        ({cell}.sum_amounts(requests) FILTER (WHERE decision = 0) OVER in_all
            > {cell}.remaining(usage_limit, used_requests, unlimited)
          OR {cell}.sum_amounts(tokens) FILTER (WHERE decision = 0) OVER in_all
            > {cell}.remaining(monthly_token_limit, used_tokens, unlimited)
          OR {cell}.sum_amounts(stt_secs) FILTER (WHERE decision = 0) OVER in_all
            > {cell}.remaining(monthly_stt_secs_limit, used_stt_secs, unlimited)) AS crowded
      FROM asked AS a
      WINDOW so_far AS (PARTITION BY place ORDER BY i ROWS UNBOUNDED PRECEDING),
        in_all AS (PARTITION BY place ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    due AS MATERIALIZED (
      SELECT place, organisation_id, key_id, version, location, last_day, day_requests, day_tokens, day_stt_secs, crowded,
        max(sum_requests) AS requests, max(sum_tokens) AS tokens, max(sum_stt_secs) AS stt_secs
      FROM summed WHERE decision = 0
      GROUP BY place, organisation_id, key_id, version, location, last_day, day_requests, day_tokens, day_stt_secs, crowded
      HAVING max(sum_requests) > 0 OR max(sum_tokens) > 0 OR max(sum_stt_secs) > 0
      ORDER BY place
    ),
    -- The usual case: every key has a counter, and room for all that isn't refused already. The counters are locked
    -- as they are updated, in the order of `due`: the planner has nothing but a nested loop over it.
    charged AS (
      UPDATE {cell}.usage_monthly AS u
      SET used_requests = u.used_requests + d.requests,
        used_tokens = u.used_tokens + d.tokens,
        used_stt_secs = u.used_stt_secs + d.stt_secs,
        reserved_requests = u.reserved_requests + d.requests * held,
        reserved_tokens = u.reserved_tokens + d.tokens * held,
        reserved_stt_secs = u.reserved_stt_secs + d.stt_secs * held,
        day = greatest(u.day, today),
        day_requests = {cell}.day_counter_after(u.day, u.day_requests, today, d.requests),
        day_tokens = {cell}.day_counter_after(u.day, u.day_tokens, today, d.tokens),
        day_stt_secs = {cell}.day_counter_after(u.day, u.day_stt_secs, today, d.stt_secs),
        last_used_at = judged_at
      FROM due AS d
      WHERE u.ctid = d.location AND u.xmin = d.version
        AND todo IS NULL AND (SELECT bool_and(NOT e.crowded AND e.version IS NOT NULL) FROM due AS e)
      RETURNING d.*
    ),
    dated AS (
      INSERT INTO {cell}.usage_daily AS t (organisation_id, key_id, day, requests, tokens, stt_secs)
      SELECT c.organisation_id, c.key_id, f.day, f.requests, f.tokens, f.stt_secs
      FROM charged AS c, {cell}.daily_rollover(
        c.last_day, c.day_requests, c.day_tokens, c.day_stt_secs, today, c.requests, c.tokens, c.stt_secs) AS f
      ON CONFLICT (organisation_id, key_id, day) DO UPDATE
      SET requests = t.requests + excluded.requests, tokens = t.tokens + excluded.tokens,
        stt_secs = t.stt_secs + excluded.stt_secs
    )
    SELECT a.*, d.*, (SELECT array_agg(c.place) FROM charged AS c),
      (SELECT bool_and(NOT e.crowded AND e.version IS NOT NULL) FROM due AS e)
    INTO judged, crowded, crowded_places,
      places, organisations, keys, versions, due_requests, due_tokens, due_stt_secs, charged_places, roomy
    FROM (
      SELECT array_agg(ROW(
          i, decision, organisation_id, key_id, environment, scopes,
          usage_limit, monthly_token_limit, monthly_stt_secs_limit,
          -- Of a crowded key the counters as they were: the requests that fit are found below.
          used_requests + CASE WHEN crowded THEN 0 ELSE sum_requests END,
          used_tokens + CASE WHEN crowded THEN 0 ELSE sum_tokens END,
          used_stt_secs + CASE WHEN crowded THEN 0 ELSE sum_stt_secs END,
          judged_at, this_month)::{cell}.admission ORDER BY i),
        array_agg(i ORDER BY place, i) FILTER (WHERE crowded),
        array_agg(place ORDER BY place, i) FILTER (WHERE crowded)
      FROM summed
    ) AS a, (
      SELECT array_agg(place ORDER BY place), array_agg(organisation_id ORDER BY place),
        array_agg(key_id ORDER BY place), array_agg(version ORDER BY place),
        array_agg(CASE WHEN crowded THEN 0 ELSE requests END ORDER BY place),
        array_agg(CASE WHEN crowded THEN 0 ELSE tokens END ORDER BY place),
        array_agg(CASE WHEN crowded THEN 0 ELSE stt_secs END ORDER BY place)
      FROM due
    ) AS d;

    IF todo IS NULL THEN
      answers := judged;
    ELSE
      FOREACH answer IN ARRAY judged LOOP
        answers[answer.position] := answer;
      END LOOP;
    END IF;

    IF todo IS NULL AND roomy THEN
      EXIT WHEN cardinality(charged_places) = cardinality(places);
      -- Somebody charged some of the keys in between.
    ELSE

    -- One after another, as they arrived: a request that doesn't fit takes nothing, and a smaller one behind it may.
    IF crowded IS NOT NULL THEN
      place := NULL;
      FOR c IN 1..cardinality(crowded) LOOP
        answer := answers[crowded[c]];
        IF place IS DISTINCT FROM crowded_places[c] THEN
          place := crowded_places[c];
          due := array_position(places, place);
        END IF;
        answer.used_requests := answer.used_requests + due_requests[due];
        answer.used_tokens := answer.used_tokens + due_tokens[due];
        answer.used_stt_secs := answer.used_stt_secs + due_stt_secs[due];
        IF answer.decision IN (0, 7, 8, 9) THEN
          answer.decision := {cell}.exceeded_dimension(
            requests[answer.position], tokens[answer.position], stt_secs[answer.position],
            answer.limit_requests, answer.limit_tokens, answer.limit_stt_secs,
            answer.used_requests, answer.used_tokens, answer.used_stt_secs, unlimited);
        END IF;
        IF answer.decision = 0 THEN
          answer.used_requests := answer.used_requests + requests[answer.position];
          answer.used_tokens := answer.used_tokens + tokens[answer.position];
          answer.used_stt_secs := answer.used_stt_secs + stt_secs[answer.position];
          due_requests[due] := due_requests[due] + requests[answer.position];
          due_tokens[due] := due_tokens[due] + tokens[answer.position];
          due_stt_secs[due] := due_stt_secs[due] + stt_secs[answer.position];
        END IF;
        answers[answer.position] := answer;
      END LOOP;
      -- A key that admits nothing is neither locked nor written.
      SELECT array_agg(d.place ORDER BY d.place), array_agg(d.organisation ORDER BY d.place),
        array_agg(d.key ORDER BY d.place), array_agg(d.version ORDER BY d.place),
        array_agg(d.requests ORDER BY d.place), array_agg(d.tokens ORDER BY d.place),
        array_agg(d.stt_secs ORDER BY d.place)
      INTO places, organisations, keys, versions, due_requests, due_tokens, due_stt_secs
      FROM unnest(places, organisations, keys, versions, due_requests, due_tokens, due_stt_secs)
        AS d (place, organisation, key, version, requests, tokens, stt_secs)
      WHERE d.requests > 0 OR d.tokens > 0 OR d.stt_secs > 0;
    END IF;
    EXIT WHEN places IS NULL;

    charged_places := NULL;
    IF array_position(versions, NULL) IS NOT NULL THEN
      -- The month's first charge of one of the keys. New and old counters are locked in one pass, in order; a
      -- condition that never holds changes no row, but PostgreSQL locks it all the same. Then all is judged again.
      INSERT INTO {cell}.usage_monthly AS u (organisation_id, key_id, month)
      SELECT d.organisation, d.key, this_month
      FROM unnest(organisations, keys) WITH ORDINALITY AS d (organisation, key, n)
      ORDER BY d.n
      ON CONFLICT (organisation_id, key_id, month) DO UPDATE SET last_used_at = u.last_used_at WHERE false;
    ELSE
      PERFORM FROM unnest(organisations, keys) AS d (organisation, key)
      JOIN {cell}.usage_monthly AS u
        ON u.organisation_id = d.organisation AND u.key_id = d.key AND u.month = this_month
      ORDER BY u.organisation_id COLLATE "C", u.key_id COLLATE "C"
      FOR NO KEY UPDATE OF u;

      WITH charged AS (
        UPDATE {cell}.usage_monthly AS u
        SET used_requests = u.used_requests + d.requests,
          used_tokens = u.used_tokens + d.tokens,
          used_stt_secs = u.used_stt_secs + d.stt_secs,
          reserved_requests = u.reserved_requests + d.requests * held,
          reserved_tokens = u.reserved_tokens + d.tokens * held,
          reserved_stt_secs = u.reserved_stt_secs + d.stt_secs * held,
          day = greatest(u.day, today),
          day_requests = {cell}.day_counter_after(u.day, u.day_requests, today, d.requests),
          day_tokens = {cell}.day_counter_after(u.day, u.day_tokens, today, d.tokens),
          day_stt_secs = {cell}.day_counter_after(u.day, u.day_stt_secs, today, d.stt_secs),
          last_used_at = judged_at
        FROM unnest(places, organisations, keys, versions, due_requests, due_tokens, due_stt_secs)
          AS d (place, organisation, key, version, requests, tokens, stt_secs)
        -- The counter as it is: it is locked.
        JOIN {cell}.usage_monthly AS b
          ON b.organisation_id = d.organisation AND b.key_id = d.key AND b.month = this_month
        WHERE u.organisation_id = d.organisation AND u.key_id = d.key AND u.month = this_month
          AND u.xmin = d.version
        RETURNING d.*, b.day AS last_day, b.day_requests, b.day_tokens, b.day_stt_secs
      ),
      dated AS (
        INSERT INTO {cell}.usage_daily AS t (organisation_id, key_id, day, requests, tokens, stt_secs)
        SELECT c.organisation, c.key, f.day, f.requests, f.tokens, f.stt_secs
        FROM charged AS c, {cell}.daily_rollover(
          c.last_day, c.day_requests, c.day_tokens, c.day_stt_secs, today, c.requests, c.tokens, c.stt_secs) AS f
        ON CONFLICT (organisation_id, key_id, day) DO UPDATE
        SET requests = t.requests + excluded.requests, tokens = t.tokens + excluded.tokens,
          stt_secs = t.stt_secs + excluded.stt_secs
      )
      SELECT array_agg(c.place) INTO charged_places FROM charged AS c;
      EXIT WHEN cardinality(charged_places) = cardinality(places);
    END IF;

    END IF;

    -- Only what is locked by now is judged again: to lock further keys would be out of order.
    SELECT array_agg(a.position) INTO todo
    FROM unnest(answers) AS a
    JOIN unnest(places, organisations, keys) AS d (place, organisation, key)
      ON d.organisation = a.organisation_id AND d.key = a.key_id
    WHERE charged_places IS NULL OR d.place <> ALL (charged_places);
  END LOOP;

  RETURN QUERY SELECT * FROM unnest(answers);
END
$$;
