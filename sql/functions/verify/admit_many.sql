-- Authenticates and charges requests in order of arrival, under the counters' locks. The slow path: it decides what
-- admit and admit_groups leave open (a key's first charge of a day or month, a counter that was charged in between,
-- different requests for one key).
--
-- Arguments, decisions and guarantees are admit's, with one element per request, at most 1,024. `hashes` has the same
-- number of candidates for each request, one request after another.
CREATE OR REPLACE FUNCTION {cell}.admit_many(
  hashes bytea[], providers text[], requests bigint[], tokens bigint[], stt_secs bigint[],
  required_scopes text[], required_environments text[], addresses inet[], kind text DEFAULT 'verify'
) RETURNS SETOF {cell}.admission
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_variable
DECLARE
  judged_at constant timestamptz := statement_timestamp();
  this_month constant date := {cell}.month_of((judged_at AT TIME ZONE 'UTC')::date);
  requested constant integer := cardinality(requests);
  candidates constant integer := cardinality(hashes) / greatest(requested, 1);
  answers {cell}.admission[];
  answer {cell}.admission;
  request record;
  -- The keys to charge, in lock order, and their charges.
  organisations text[];
  keys text[];
  due_requests bigint[];
  due_tokens bigint[];
  due_stt_secs bigint[];
BEGIN
  IF requested > 1024 OR cardinality(hashes) <> requested * candidates THEN
    RAISE EXCEPTION 'admit_many: more than 1024 requests, or the hashes don''t divide among them'
      USING ERRCODE = 'array_subscript_error';
  END IF;
  -- First without locks, each request by itself: a rejection must not wait, nor write anything.
  answers := ARRAY(
    SELECT ROW(
      i,
      coalesce(
        j.rejection,
        {cell}.exceeded_dimension(
          requests[i], tokens[i], stt_secs[i], j.limit_requests, j.limit_tokens, j.limit_stt_secs,
          j.used_requests, j.used_tokens, j.used_stt_secs, kind = 'record'),
        'admitted'),
      j.organisation_id, j.key_id, j.environment, j.scopes, j.limit_requests, j.limit_tokens, j.limit_stt_secs,
      j.used_requests, j.used_tokens, j.used_stt_secs, judged_at, this_month)::{cell}.admission
    -- The planner expects 10 rows of unnest and 1,000 of generate_series, for which it would compile (JIT).
    FROM unnest(ARRAY(SELECT generate_series(1, requested))) AS i
    CROSS JOIN LATERAL {cell}.judge(
      hashes[(i - 1) * candidates + 1 : i * candidates], providers[i], requests[i], tokens[i], stt_secs[i],
      required_scopes[i], required_environments[i], addresses[i], judged_at, this_month) AS j
    ORDER BY i);
  SELECT array_agg(k.organisation_id ORDER BY k.organisation_id COLLATE "C", k.key_id COLLATE "C"),
    array_agg(k.key_id ORDER BY k.organisation_id COLLATE "C", k.key_id COLLATE "C"),
    array_agg(0), array_agg(0), array_agg(0)
  INTO organisations, keys, due_requests, due_tokens, due_stt_secs
  FROM (
    SELECT DISTINCT a.organisation_id, a.key_id FROM unnest(answers) AS a
    WHERE a.decision = 'admitted'
      AND (requests[a.position] > 0 OR tokens[a.position] > 0 OR stt_secs[a.position] > 0)
  ) AS k;
  IF keys IS NULL THEN
    RETURN QUERY SELECT * FROM unnest(answers);
    RETURN;
  END IF;

  PERFORM {cell}.open_counters(organisations, keys, judged_at);
  -- Again with the counters locked, in order of arrival: a request that doesn't fit takes nothing, and a smaller one
  -- after it may fit.
  FOR request IN
    SELECT a.position AS i, k.place, j.*
    FROM unnest(answers) AS a
    JOIN unnest(organisations, keys) WITH ORDINALITY AS k (organisation_id, key_id, place)
      ON k.organisation_id = a.organisation_id AND k.key_id = a.key_id
    CROSS JOIN LATERAL {cell}.judge(
      hashes[(a.position - 1) * candidates + 1 : a.position * candidates], providers[a.position],
      requests[a.position], tokens[a.position], stt_secs[a.position], required_scopes[a.position],
      required_environments[a.position], addresses[a.position], judged_at, this_month) AS j
    ORDER BY a.position
  LOOP
    answer := ROW(
      request.i, NULL, request.organisation_id, request.key_id, request.environment, request.scopes,
      request.limit_requests, request.limit_tokens, request.limit_stt_secs,
      request.used_requests + due_requests[request.place], request.used_tokens + due_tokens[request.place],
      request.used_stt_secs + due_stt_secs[request.place], judged_at, this_month);
    answer.decision := coalesce(
      request.rejection,
      {cell}.exceeded_dimension(
        requests[request.i], tokens[request.i], stt_secs[request.i],
        answer.limit_requests, answer.limit_tokens, answer.limit_stt_secs,
        answer.used_requests, answer.used_tokens, answer.used_stt_secs, kind = 'record'),
      'admitted');
    IF answer.decision = 'admitted' THEN
      due_requests[request.place] := due_requests[request.place] + requests[request.i];
      due_tokens[request.place] := due_tokens[request.place] + tokens[request.i];
      due_stt_secs[request.place] := due_stt_secs[request.place] + stt_secs[request.i];
      answer.used_requests := answer.used_requests + requests[request.i];
      answer.used_tokens := answer.used_tokens + tokens[request.i];
      answer.used_stt_secs := answer.used_stt_secs + stt_secs[request.i];
    END IF;
    answers[request.i] := answer;
  END LOOP;
  PERFORM {cell}.charge_counters(
    organisations, keys, due_requests, due_tokens, due_stt_secs, kind = 'reserve', judged_at);
  RETURN QUERY SELECT * FROM unnest(answers);
END
$$;
