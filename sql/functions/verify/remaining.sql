-- How much of one dimension still fits. Nothing overflows: a limit ends at 2^53 - 1 and a counter at 2^63 - 1.
-- Never below 0, so that a request which takes nothing of a dimension is not refused for it. What is recorded
-- after the fact is bound by the counter alone.
-- Inlined into the statements that use it: no SET clause and not STRICT, either of which would prevent that.
CREATE OR REPLACE FUNCTION {cell}.remaining(monthly_limit bigint, used bigint, unlimited boolean) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN unlimited OR monthly_limit IS NULL THEN 9223372036854775807 - used
    WHEN monthly_limit > used THEN monthly_limit - used
    ELSE 0
  END
$$;
