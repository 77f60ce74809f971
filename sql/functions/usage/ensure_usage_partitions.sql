-- Creates the partitions of usage_daily from the current month to `months_ahead` months later, moves the rows of the default
-- partition to their months, and returns how many partitions it created. The server and `migrate` call it, also
-- concurrently.
CREATE OR REPLACE FUNCTION {cell}.ensure_usage_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms' -- or other sessions would queue behind this one; on 55P03 the caller retries later
AS $$
DECLARE
  today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  first_day date;
  next_day date;
  partition text;
  created integer := 0;
BEGIN
  IF (months_ahead BETWEEN 0 AND 24) IS NOT TRUE THEN
    RAISE EXCEPTION 'ensure_usage_partitions: 0 to 24 months ahead, not %', months_ahead
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Only one node at a time: two that had both read the default partition could neither of them attach. The mode conflicts
  -- with itself, but not with charges or reports. It is not an advisory lock, because any login of the database could hold
  -- that and prevent new partitions.
  BEGIN
    LOCK TABLE ONLY {cell}.usage_daily IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
  EXCEPTION
    WHEN lock_not_available THEN RETURN 0;
  END;
  IF NOT EXISTS (SELECT 1 FROM {cell}.usage_daily_default) AND NOT EXISTS (
    SELECT 1 FROM generate_series(0, months_ahead) AS ahead
    WHERE to_regclass('{cell}.usage_daily_'
      || to_char({cell}.month_of(today) + make_interval(months => ahead), 'YYYY_MM')) IS NULL)
  THEN
    RETURN 0;
  END IF;
  FOR first_day IN
    SELECT DISTINCT month FROM (
      SELECT ({cell}.month_of(today) + make_interval(months => ahead))::date AS month
      FROM generate_series(0, months_ahead) AS ahead
      UNION ALL
      SELECT {cell}.month_of(day) FROM {cell}.usage_daily_default
    ) AS wanted ORDER BY month
  LOOP
    partition := 'usage_daily_' || to_char(first_day, 'YYYY_MM');
    CONTINUE WHEN to_regclass('{cell}.' || partition) IS NOT NULL;
    next_day := (first_day + interval '1 month')::date;
    -- The month has begun, so its charges go to the default partition. They wait while its rows move. The parent is locked
    -- first, as a charge does. A future month has no charges to block.
    IF first_day <= today THEN
      LOCK TABLE {cell}.usage_daily IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    -- Default fillfactor: a day is written once, when it is over, and hardly ever updated.
    EXECUTE format('CREATE TABLE {cell}.%I (LIKE {cell}.usage_daily INCLUDING ALL)', partition);
    EXECUTE format('COMMENT ON TABLE {cell}.%I IS %L', partition,
      'Usage per key and day (UTC) in ' || to_char(first_day, 'YYYY-MM') || '.');
    EXECUTE format(
      'WITH moved AS (DELETE FROM {cell}.usage_daily_default WHERE day >= %1$L AND day < %2$L RETURNING *)
       INSERT INTO {cell}.%3$I SELECT * FROM moved', first_day, next_day, partition);
    -- LIKE doesn't copy row-level security.
    EXECUTE format('ALTER TABLE {cell}.%I ENABLE ROW LEVEL SECURITY', partition);
    EXECUTE format(
      'ALTER TABLE {cell}.usage_daily ATTACH PARTITION {cell}.%I FOR VALUES FROM (%L) TO (%L)',
      partition, first_day, next_day);
    created := created + 1;
  END LOOP;
  RETURN created;
END
$$;
