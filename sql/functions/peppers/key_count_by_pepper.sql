-- How many active keys have a secret hashed with each pepper. A key in the overlap of a rotation can count for two. Scans
-- every key.
--
-- SECURITY DEFINER because it counts the keys of all tenants, and returns only numbers.
CREATE OR REPLACE FUNCTION {cell}.key_count_by_pepper() RETURNS TABLE (pepper_id text, keys bigint)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT g.pepper_id, count(*)
  FROM (
    SELECT DISTINCT s.pepper_id COLLATE "C" AS pepper_id, s.organisation_id, s.key_id
    FROM {cell}.api_key_secrets AS s
    JOIN {cell}.api_keys AS k ON k.organisation_id = s.organisation_id AND k.key_id = s.key_id
    WHERE (s.valid_until IS NULL OR s.valid_until > statement_timestamp())
      AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
  ) AS g
  GROUP BY g.pepper_id
$$;
