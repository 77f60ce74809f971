-- Which dimension has no room for what is asked: 7, 8, 9 as admit answers it; 0 is none.
-- Inlined into the statements that use it: no SET clause and not STRICT, either of which would prevent that.
CREATE OR REPLACE FUNCTION {cell}.exceeded_dimension(
  requests bigint, tokens bigint, stt_secs bigint,
  limit_requests bigint, limit_tokens bigint, limit_stt_secs bigint,
  used_requests bigint, used_tokens bigint, used_stt_secs bigint, unlimited boolean
) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN requests > {cell}.remaining(limit_requests, used_requests, unlimited) THEN 7
    WHEN tokens > {cell}.remaining(limit_tokens, used_tokens, unlimited) THEN 8
    WHEN stt_secs > {cell}.remaining(limit_stt_secs, used_stt_secs, unlimited) THEN 9
    ELSE 0
  END::smallint
$$;
