-- A charge writes one row: the counter holds what its last day used, and that goes to usage_daily when the next day
-- begins. Nothing is moved here: of a day that was charged before and after this, usage_daily holds one part and the
-- counter the other, and the day's usage is the sum of both.
ALTER TABLE keymeter.usage_monthly
  ADD COLUMN day date,
  ADD COLUMN day_requests bigint NOT NULL DEFAULT 0,
  ADD COLUMN day_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN day_stt_secs bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT usage_monthly_day_check CHECK (
    day_requests BETWEEN 0 AND used_requests AND day_tokens BETWEEN 0 AND used_tokens
    AND day_stt_secs BETWEEN 0 AND used_stt_secs);

COMMENT ON COLUMN keymeter.usage_monthly.day IS
  'The last day (UTC) that was charged; NULL for none since usage_daily was last written.';
COMMENT ON COLUMN keymeter.usage_monthly.day_requests IS
  'The part of used_requests that is of `day`, and that usage_daily does not hold.';
COMMENT ON COLUMN keymeter.usage_monthly.day_tokens IS
  'The part of used_tokens that is of `day`, and that usage_daily does not hold.';
COMMENT ON COLUMN keymeter.usage_monthly.day_stt_secs IS
  'The part of used_stt_secs that is of `day`, and that usage_daily does not hold.';
COMMENT ON TABLE keymeter.usage_daily IS
  'Usage a key and day (UTC), open reservations included, but for what usage_monthly holds of each counter''s last day.';

CREATE VIEW keymeter.usage_by_day (organisation_id, key_id, day, requests, tokens, stt_secs) AS
SELECT organisation_id, key_id, day, sum(requests)::bigint, sum(tokens)::bigint, sum(stt_secs)::bigint
FROM (
  SELECT organisation_id, key_id, day, requests, tokens, stt_secs FROM keymeter.usage_daily
  UNION ALL
  SELECT organisation_id, key_id, day, day_requests, day_tokens, day_stt_secs FROM keymeter.usage_monthly
  WHERE day IS NOT NULL
) AS parts
GROUP BY organisation_id, key_id, day;

COMMENT ON VIEW keymeter.usage_by_day IS
  'Usage a key and day (UTC), open reservations included; sums up to usage_monthly.';
COMMENT ON COLUMN keymeter.usage_by_day.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.usage_by_day.key_id IS 'The key, which may have been deleted since.';
COMMENT ON COLUMN keymeter.usage_by_day.day IS 'The day.';
COMMENT ON COLUMN keymeter.usage_by_day.requests IS 'Requests used.';
COMMENT ON COLUMN keymeter.usage_by_day.tokens IS 'Tokens used.';
COMMENT ON COLUMN keymeter.usage_by_day.stt_secs IS 'Seconds of speech used.';

-- What every use of a key looks up, it looks up by a hash index: one page instead of a tree's three or four, and numbers
-- compared instead of texts. The secrets' index has to be an exclusion constraint, as hash indexes can't be UNIQUE.
ALTER TABLE keymeter.api_key_secrets
  DROP CONSTRAINT api_key_secrets_secret_hash_key,
  ADD CONSTRAINT api_key_secrets_secret_hash_key EXCLUDE USING hash (secret_hash WITH =);
DROP INDEX keymeter.api_keys_key_id_idx;
CREATE INDEX api_keys_key_id_idx ON keymeter.api_keys USING hash (key_id);
-- The month is the seed, so that each of a key's counters has a place of its own.
CREATE INDEX usage_monthly_counter_idx ON keymeter.usage_monthly
  USING hash (hashtextextended(key_id, month - DATE '2000-01-01'));
