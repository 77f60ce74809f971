-- The decision that names the first dimension in which a charge doesn't fit; NULL if it fits.
-- Inlined into the statements that call it, which a SET clause or STRICT would prevent.
CREATE OR REPLACE FUNCTION {cell}.exceeded_dimension(
  requests bigint, tokens bigint, stt_secs bigint,
  limit_requests bigint, limit_tokens bigint, limit_stt_secs bigint,
  used_requests bigint, used_tokens bigint, used_stt_secs bigint, unlimited boolean
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN requests > {cell}.remaining(limit_requests, used_requests, unlimited) THEN 'over_limit_requests'
    WHEN tokens > {cell}.remaining(limit_tokens, used_tokens, unlimited) THEN 'over_limit_tokens'
    WHEN stt_secs > {cell}.remaining(limit_stt_secs, used_stt_secs, unlimited) THEN 'over_limit_stt_secs'
  END
$$;
