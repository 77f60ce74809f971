-- How much of one dimension is left. It can't overflow: limits end at 2^53 - 1 and counters at 2^63 - 1. It is never
-- negative, so a charge of 0 always fits. Usage that is recorded (`unlimited`) only has to fit into the counter.
-- Inlined into the statements that call it, which a SET clause or STRICT would prevent.
CREATE OR REPLACE FUNCTION {cell}.remaining(monthly_limit bigint, used bigint, unlimited boolean) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN unlimited OR monthly_limit IS NULL THEN 9223372036854775807 - used
    WHEN monthly_limit > used THEN monthly_limit - used
    ELSE 0
  END
$$;
