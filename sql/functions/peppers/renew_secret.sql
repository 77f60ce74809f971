-- Puts a key's value under the current pepper: the row that one of the former hashes stands in gets the present hash.
-- Answers whether there was such a row. What the row says besides, above all until when it is valid, stays as it is,
-- so nothing that has ended comes to life.
--
-- To be called in a transaction of its own: it locks one row and waits for nothing else, and so takes part in no
-- circle. Whoever holds that row meanwhile, or changed it, is waited for, and the row is then judged again: a deleted one
-- is gone, one that another node has renewed no longer bears the former hash. Admission doesn't wait for it: a
-- snapshot shows the row under one hash or the other, and callers present both.
--
-- SECURITY DEFINER because whose key it is, is known only by the hash, before any tenant is named.
CREATE OR REPLACE FUNCTION {cell}.renew_secret(
  former_hashes bytea[], former_peppers text[], present_hash bytea, present_pepper text
) RETURNS boolean
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  WITH renewed AS (
    UPDATE {cell}.api_key_secrets AS s SET secret_hash = present_hash, pepper_id = present_pepper
    FROM unnest(former_hashes, former_peppers) AS f (hash, pepper)
    WHERE s.secret_hash = f.hash AND s.pepper_id = f.pepper
      AND (s.valid_until IS NULL OR s.valid_until > statement_timestamp())
    RETURNING s.key_id
  )
  SELECT EXISTS (SELECT FROM renewed)
$$;
