-- Makes usage_daily's months from the current one on, `months_ahead` further, and moves there whatever the default
-- partition caught. Answers how many it made. Several nodes may call it at once; run by the server and by migrate.
CREATE OR REPLACE FUNCTION {cell}.ensure_usage_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms' -- nobody shall queue behind us for long: 55P03 means, call again in a moment
AS $$
DECLARE
  today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  first_day date;
  next_day date;
  partition text;
  made integer := 0;
BEGIN
  IF (months_ahead BETWEEN 0 AND 24) IS NOT TRUE THEN
    RAISE EXCEPTION 'ensure_usage_partitions: 0 to 24 months ahead, not %', months_ahead
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Another node is at it. Before the default partition is looked at: two nodes that had both read it could
  -- neither of them attach.
  --
  -- Held against the like of itself alone, not against charges or reports. Not an advisory lock, which whoever may log in to
  -- the database could hold, and so leave it without partitions.
  BEGIN
    LOCK TABLE ONLY {cell}.usage_daily IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
  EXCEPTION
    WHEN lock_not_available THEN RETURN 0;
  END;
  IF NOT EXISTS (SELECT FROM {cell}.usage_daily_default) AND NOT EXISTS (
    SELECT FROM generate_series(0, months_ahead) AS ahead
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
    -- Late: charges of this month go to the default partition. They wait while its rows move. The parent first,
    -- as a charge locks them too. A month to come has no charges, and nobody waits for it.
    IF first_day <= today THEN
      LOCK TABLE {cell}.usage_daily IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    -- Pages are filled: a day is written once, when it is over, and hardly ever again.
    EXECUTE format('CREATE TABLE {cell}.%I (LIKE {cell}.usage_daily INCLUDING ALL)', partition);
    EXECUTE format('COMMENT ON TABLE {cell}.%I IS %L', partition,
      'Usage a key and day (UTC) in ' || to_char(first_day, 'YYYY-MM') || '.');
    EXECUTE format(
      'WITH moved AS (DELETE FROM {cell}.usage_daily_default WHERE day >= %1$L AND day < %2$L RETURNING *)
       INSERT INTO {cell}.%3$I SELECT * FROM moved', first_day, next_day, partition);
    -- Row-level security is not among what LIKE copies.
    EXECUTE format(
      'ALTER TABLE {cell}.%1$I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
       CREATE POLICY owner ON {cell}.%1$I TO keymeter_owner USING (true)', partition);
    EXECUTE format(
      'ALTER TABLE {cell}.usage_daily ATTACH PARTITION {cell}.%I FOR VALUES FROM (%L) TO (%L)',
      partition, first_day, next_day);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
