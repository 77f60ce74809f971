-- Makes usage_daily's months from the current one on, `months_ahead` further, and moves there whatever the default
-- partition caught. Answers how many it made. Several nodes may call it at once; run by the server and by migrate.
CREATE OR REPLACE FUNCTION keymeter.ensure_usage_partitions(months_ahead integer) RETURNS integer
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
    RAISE EXCEPTION 'keymeter.ensure_usage_partitions: 0 to 24 months ahead, not %', months_ahead
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Another node is at it. Before the default partition is looked at: two nodes that had both read it could
  -- neither of them attach.
  --
  -- Held against the like of itself alone, not against charges or reports. Not an advisory lock, which whoever may log in to
  -- the database could hold, and so leave it without partitions.
  BEGIN
    LOCK TABLE ONLY keymeter.usage_daily IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
  EXCEPTION
    WHEN lock_not_available THEN RETURN 0;
  END;
  IF NOT EXISTS (SELECT FROM keymeter.usage_daily_default) AND NOT EXISTS (
    SELECT FROM generate_series(0, months_ahead) AS ahead
    WHERE to_regclass('keymeter.usage_daily_'
      || to_char(keymeter.month_of(today) + make_interval(months => ahead), 'YYYY_MM')) IS NULL)
  THEN
    RETURN 0;
  END IF;
  FOR first_day IN
    SELECT DISTINCT month FROM (
      SELECT (keymeter.month_of(today) + make_interval(months => ahead))::date AS month
      FROM generate_series(0, months_ahead) AS ahead
      UNION ALL
      SELECT keymeter.month_of(day) FROM keymeter.usage_daily_default
    ) AS wanted ORDER BY month
  LOOP
    partition := 'usage_daily_' || to_char(first_day, 'YYYY_MM');
    CONTINUE WHEN to_regclass('keymeter.' || partition) IS NOT NULL;
    next_day := (first_day + interval '1 month')::date;
    -- Late: charges of this month go to the default partition. They wait while its rows move. The parent first,
    -- as a charge locks them too. A month to come has no charges, and nobody waits for it.
    IF first_day <= today THEN
      LOCK TABLE keymeter.usage_daily IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    -- Pages are filled: a day is written once, when it is over, and hardly ever again.
    EXECUTE format('CREATE TABLE keymeter.%I (LIKE keymeter.usage_daily INCLUDING ALL)', partition);
    EXECUTE format('COMMENT ON TABLE keymeter.%I IS %L', partition,
      'Usage a key and day (UTC) in ' || to_char(first_day, 'YYYY-MM') || '.');
    EXECUTE format(
      'WITH moved AS (DELETE FROM keymeter.usage_daily_default WHERE day >= %1$L AND day < %2$L RETURNING *)
       INSERT INTO keymeter.%3$I SELECT * FROM moved', first_day, next_day, partition);
    -- Row-level security is not among what LIKE copies.
    EXECUTE format(
      'ALTER TABLE keymeter.%1$I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
       CREATE POLICY owner ON keymeter.%1$I TO keymeter_owner USING (true)', partition);
    EXECUTE format(
      'ALTER TABLE keymeter.usage_daily ATTACH PARTITION keymeter.%I FOR VALUES FROM (%L) TO (%L)',
      partition, first_day, next_day);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;

REVOKE ALL ON FUNCTION keymeter.ensure_usage_partitions(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keymeter.ensure_usage_partitions(integer) TO keymeter_app;
