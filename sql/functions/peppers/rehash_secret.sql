-- Replaces a secret's hash by the one under the current pepper, and returns whether the secret had one of the former
-- hashes. Nothing else changes, above all not valid_until, so an ended secret stays ended.
--
-- Call it in a separate transaction: it locks one row and waits for nothing else, so it can't be part of a deadlock. It
-- waits for a concurrent change of that row and then checks the row again. Admission doesn't wait for it: a snapshot shows
-- the row under one hash or the other, and nodes look up both.
--
-- SECURITY DEFINER because the tenant isn't known: the caller only has hashes.
CREATE OR REPLACE FUNCTION {cell}.rehash_secret(
  former_hashes bytea[], former_peppers text[], present_hash bytea, present_pepper text
) RETURNS boolean
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  WITH rehashed AS (
    UPDATE {cell}.api_key_secrets AS s SET secret_hash = present_hash, pepper_id = present_pepper
    FROM unnest(former_hashes, former_peppers) AS f (hash, pepper)
    WHERE s.secret_hash = f.hash AND s.pepper_id = f.pepper
      AND (s.valid_until IS NULL OR s.valid_until > statement_timestamp())
    RETURNING s.key_id
  )
  SELECT EXISTS (SELECT FROM rehashed)
$$;
