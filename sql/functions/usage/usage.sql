-- One key's current month: limits, counters, and the part that open reservations hold. No row for an unknown key.
CREATE OR REPLACE FUNCTION {cell}.usage(organisation text, key text)
RETURNS TABLE (
  key_id text, limit_requests bigint, limit_tokens bigint, limit_stt_secs bigint,
  used_requests bigint, used_tokens bigint, used_stt_secs bigint,
  reserved_requests bigint, reserved_tokens bigint, reserved_stt_secs bigint, judged_at timestamptz, month date
)
LANGUAGE sql STABLE
AS $$
  SELECT k.key_id, k.usage_limit, k.monthly_token_limit, k.monthly_stt_secs_limit,
    coalesce(u.used_requests, 0), coalesce(u.used_tokens, 0), coalesce(u.used_stt_secs, 0),
    coalesce(u.reserved_requests, 0), coalesce(u.reserved_tokens, 0), coalesce(u.reserved_stt_secs, 0),
    statement_timestamp(), {cell}.month_of((statement_timestamp() AT TIME ZONE 'UTC')::date)
  FROM {cell}.api_keys AS k
  LEFT JOIN {cell}.usage_monthly AS u ON u.organisation_id = k.organisation_id AND u.key_id = k.key_id
    AND u.month = {cell}.month_of((statement_timestamp() AT TIME ZONE 'UTC')::date)
  WHERE k.organisation_id = organisation AND k.key_id = key
$$;
