-- What a counter holds of its last day after a charge on `today`: usage_daily takes what is of any other day.
-- Inlined into the statements that use it: no SET clause and not STRICT, either of which would prevent that.
CREATE OR REPLACE FUNCTION {cell}.day_counter_after(last_day date, held bigint, today date, charged bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN last_day = today THEN held + charged
    -- Midnight passed, by a charge that was quicker.
    WHEN last_day > today THEN held
    ELSE charged
  END
$$;
