-- Fails the transaction in which a counter was charged and its day was not: see keymeter.admit_groups.
CREATE OR REPLACE FUNCTION keymeter.refuse_lost_day() RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'keymeter.admit_groups: a charge has no day' USING ERRCODE = 'data_exception';
END
$$;
