-- Charges one request through admit and holds its amounts until they are settled or expire. expires_at is set if it was
-- admitted. hold_secs is 1 to 86400; on_expiry is release or charge.
CREATE OR REPLACE FUNCTION {cell}.reserve(
  reservation text, hashes bytea[], provider text, requests bigint, tokens bigint, stt_secs bigint,
  hold_secs integer, on_expiry text, address inet, OUT admission {cell}.admission, OUT expires_at timestamptz
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  SELECT a.* INTO admission
  FROM {cell}.admit(hashes, provider, requests, tokens, stt_secs, NULL, NULL, address, 'reserve') AS a;
  IF admission.decision = 'admitted' THEN
    expires_at := admission.judged_at + make_interval(secs => hold_secs);
    INSERT INTO {cell}.reservations (
      organisation_id, reservation_id, key_id, day, requests, tokens, stt_secs, reserved_at, expires_at, on_expiry)
    VALUES (
      admission.organisation_id, reservation, admission.key_id, (admission.judged_at AT TIME ZONE 'UTC')::date,
      requests, tokens, stt_secs, admission.judged_at, expires_at, on_expiry);
  END IF;
END
$$;
