-- Retention: drops the partitions of usage_daily that end at or before the first day of the date's month, and
-- answers their names. So the date's own month stays whole. What the default partition holds of that time
-- goes too, without being named. The counters of usage_monthly stay, but for the last day that each of them holds.
--
-- Refuses (22023) to touch the current or the previous month: reservations that are still open may write to
-- them, and last month's bills are made of them. Only the tables' owner may call it with effect.
CREATE OR REPLACE FUNCTION {cell}.drop_usage_before(cutoff date) RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD' -- how pg_get_expr writes the bounds that are read below
SET lock_timeout = '100ms' -- nobody shall queue behind us for long: 55P03 means, call again in a moment
AS $$
DECLARE
  first_kept constant date := {cell}.month_of(cutoff);
  this_month constant date := {cell}.month_of((clock_timestamp() AT TIME ZONE 'UTC')::date);
  partition text;
BEGIN
  -- NULL would compare as neither.
  IF (first_kept <= this_month - interval '1 month') IS NOT TRUE THEN
    RAISE EXCEPTION 'drop_usage_before: % would drop the current or the previous month', cutoff
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'Give a date before ' || this_month || '.';
  END IF;
  -- ensure_usage_partitions locks the same tables in another order.
  LOCK TABLE ONLY {cell}.usage_daily IN SHARE UPDATE EXCLUSIVE MODE;
  -- While nobody has to wait. A settlement of such a month waits for its counter before it comes to usage_daily.
  UPDATE {cell}.usage_monthly AS u SET day = NULL, day_requests = 0, day_tokens = 0, day_stt_secs = 0
  WHERE u.month < first_kept AND u.day IS NOT NULL;
  -- The day's first charges wait from here on. The parent first, as they lock it first.
  LOCK TABLE {cell}.usage_daily IN ACCESS EXCLUSIVE MODE;
  FOR partition IN
    SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = '{cell}.usage_daily'::regclass
      -- NULL, and so left alone, for the default partition.
      AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([0-9-]+)''\)')::date <= first_kept
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE {cell}.%I', partition);
    RETURN NEXT partition;
  END LOOP;
  DELETE FROM {cell}.usage_daily_default AS d WHERE d.day < first_kept;
END
$$;

COMMENT ON FUNCTION {cell}.drop_usage_before(date) IS
  'Drops daily usage of the months before the date''s month; answers the partitions that it dropped.';
