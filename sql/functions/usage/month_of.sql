-- The first day of a day's month. The planner inlines it, which a SET clause or STRICT would prevent.
CREATE OR REPLACE FUNCTION {cell}.month_of(day date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.date_trunc('month', day::timestamp)::date $$;
