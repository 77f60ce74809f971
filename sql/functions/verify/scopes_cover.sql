-- Whether the held scopes cover all required ones, which are separated by spaces. `*` covers every scope, `a:*` every
-- scope that starts with `a:`.
CREATE OR REPLACE FUNCTION {cell}.scopes_cover(held text[], required text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  wanted text;
  offered text;
  covered boolean;
BEGIN
  FOREACH wanted IN ARRAY pg_catalog.string_to_array(required, ' ') LOOP
    CONTINUE WHEN wanted = '' OR wanted = ANY (held);
    covered := false;
    FOREACH offered IN ARRAY held LOOP
      covered := pg_catalog.right(offered, 2) = ':*'
        AND pg_catalog.starts_with(wanted, pg_catalog.left(offered, -1));
      EXIT WHEN covered;
    END LOOP;
    IF NOT covered THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END
$$;
