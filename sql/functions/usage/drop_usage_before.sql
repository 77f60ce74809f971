-- Retention: drops the partitions of usage_daily that end before the month of `cutoff` begins, and returns their names. It
-- also deletes older rows of the default partition, and the last day of older counters. The monthly counters stay.
--
-- The current and the previous month can't be dropped (22023): open reservations may still write to them, and last month's
-- bills are made from them. Only the tables' owner can call it successfully.
CREATE OR REPLACE FUNCTION {cell}.drop_usage_before(cutoff date) RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD' -- the format in which pg_get_expr returns the bounds below
SET lock_timeout = '100ms' -- or other sessions would queue behind this one; on 55P03 the caller retries later
AS $$
DECLARE
  first_kept constant date := {cell}.month_of(cutoff);
  this_month constant date := {cell}.month_of((clock_timestamp() AT TIME ZONE 'UTC')::date);
  partition text;
BEGIN
  IF (first_kept <= this_month - interval '1 month') IS NOT TRUE THEN -- also for NULL
    RAISE EXCEPTION 'drop_usage_before: % would drop the current or the previous month', cutoff
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'Give a date before ' || this_month || '.';
  END IF;
  -- ensure_usage_partitions locks the same tables in another order.
  LOCK TABLE ONLY {cell}.usage_daily IN SHARE UPDATE EXCLUSIVE MODE;
  -- Before the exclusive lock, so that charges don't wait for it. A settlement in an old month waits for its counter before
  -- it writes usage_daily.
  UPDATE {cell}.usage_monthly AS u SET day = NULL, day_requests = 0, day_tokens = 0, day_stt_secs = 0
  WHERE u.month < first_kept AND u.day IS NOT NULL;
  -- From here on the first charges of a day wait. The parent is locked first, as they do.
  LOCK TABLE {cell}.usage_daily IN ACCESS EXCLUSIVE MODE;
  FOR partition IN
    SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = '{cell}.usage_daily'::regclass
      -- NULL for the default partition, which is kept.
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
  'Drops daily usage of the months before the date''s month and returns the partitions that it dropped.';
