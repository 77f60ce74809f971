-- The first day of a day's month.
-- Inlined into the statements that use it: no SET clause and not STRICT, either of which would prevent that.
CREATE OR REPLACE FUNCTION {cell}.month_of(day date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.date_trunc('month', day::timestamp)::date $$;
