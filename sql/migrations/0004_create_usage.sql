-- None of these tables has a foreign key to api_keys, because usage outlives a deleted key.
--
-- Lock order, which prevents deadlocks: first a reservation or an event, then counters (usage_monthly) by organisation, key
-- and month in COLLATE "C" order, then days (usage_daily). A transaction writes a row of usage_daily only while it holds
-- the key's counter.

-- The counters that admission locks. No changing column is indexed, and pages keep room for new versions, so that an update
-- stays on its page (HOT) and writes no index entry.
--
-- A charge writes one row: the counter also holds the usage of its last day, which moves to usage_daily when the next day
-- begins.
CREATE TABLE {cell}.usage_monthly (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  month date NOT NULL,
  used_requests bigint NOT NULL DEFAULT 0,
  used_tokens bigint NOT NULL DEFAULT 0,
  used_stt_secs bigint NOT NULL DEFAULT 0,
  reserved_requests bigint NOT NULL DEFAULT 0,
  reserved_tokens bigint NOT NULL DEFAULT 0,
  reserved_stt_secs bigint NOT NULL DEFAULT 0,
  last_used_at timestamptz,
  day date,
  day_requests bigint NOT NULL DEFAULT 0,
  day_tokens bigint NOT NULL DEFAULT 0,
  day_stt_secs bigint NOT NULL DEFAULT 0,
  CONSTRAINT usage_monthly_pkey PRIMARY KEY (organisation_id, key_id, month),
  CONSTRAINT usage_monthly_month_check CHECK (date_part('day', month::timestamp) = 1),
  CONSTRAINT usage_monthly_requests_check CHECK (reserved_requests >= 0 AND used_requests >= reserved_requests),
  CONSTRAINT usage_monthly_tokens_check CHECK (reserved_tokens >= 0 AND used_tokens >= reserved_tokens),
  CONSTRAINT usage_monthly_stt_secs_check CHECK (reserved_stt_secs >= 0 AND used_stt_secs >= reserved_stt_secs),
  CONSTRAINT usage_monthly_day_check CHECK (
    day_requests BETWEEN 0 AND used_requests AND day_tokens BETWEEN 0 AND used_tokens
    AND day_stt_secs BETWEEN 0 AND used_stt_secs)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- Admission finds a counter by hash. The month is the seed, so that the counters of a key don't share a bucket.
CREATE INDEX usage_monthly_counter_idx ON {cell}.usage_monthly
  USING hash (hashtextextended(key_id, month - DATE '2000-01-01'));

COMMENT ON TABLE {cell}.usage_monthly IS 'The counters that limits apply to: one row per key and calendar month (UTC).';
COMMENT ON COLUMN {cell}.usage_monthly.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.usage_monthly.key_id IS 'The key, which may have been deleted since.';
COMMENT ON COLUMN {cell}.usage_monthly.month IS 'The first day of the month.';
COMMENT ON COLUMN {cell}.usage_monthly.used_requests IS 'Requests used, including open reservations.';
COMMENT ON COLUMN {cell}.usage_monthly.used_tokens IS 'Tokens used, including open reservations.';
COMMENT ON COLUMN {cell}.usage_monthly.used_stt_secs IS 'Seconds of speech used, including open reservations.';
COMMENT ON COLUMN {cell}.usage_monthly.reserved_requests IS 'The part of used_requests that open reservations hold.';
COMMENT ON COLUMN {cell}.usage_monthly.reserved_tokens IS 'The part of used_tokens that open reservations hold.';
COMMENT ON COLUMN {cell}.usage_monthly.reserved_stt_secs IS 'The part of used_stt_secs that open reservations hold.';
COMMENT ON COLUMN {cell}.usage_monthly.last_used_at IS 'When the key was last charged.';
COMMENT ON COLUMN {cell}.usage_monthly.day IS
  'The last day (UTC) that was charged. NULL if nothing was charged since usage_daily was last written.';
COMMENT ON COLUMN {cell}.usage_monthly.day_requests IS 'The part of used_requests on `day` that is not in usage_daily.';
COMMENT ON COLUMN {cell}.usage_monthly.day_tokens IS 'The part of used_tokens on `day` that is not in usage_daily.';
COMMENT ON COLUMN {cell}.usage_monthly.day_stt_secs IS 'The part of used_stt_secs on `day` that is not in usage_daily.';

-- The rows behind reports and analytics. Roles other than the owner reach a partition only through its parent.
-- ensure_usage_partitions creates the months ahead.
CREATE TABLE {cell}.usage_daily (
  organisation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  day date NOT NULL,
  requests bigint NOT NULL,
  tokens bigint NOT NULL,
  stt_secs bigint NOT NULL,
  CONSTRAINT usage_daily_pkey PRIMARY KEY (organisation_id, key_id, day),
  CONSTRAINT usage_daily_requests_check CHECK (requests >= 0),
  CONSTRAINT usage_daily_tokens_check CHECK (tokens >= 0),
  CONSTRAINT usage_daily_stt_secs_check CHECK (stt_secs >= 0)
) PARTITION BY RANGE (day);

-- A missing month must neither lose a charge nor fail a verification. ensure_usage_partitions moves the rows of this
-- partition to their month.
CREATE TABLE {cell}.usage_daily_default PARTITION OF {cell}.usage_daily DEFAULT WITH (fillfactor = 60);

COMMENT ON TABLE {cell}.usage_daily IS
  'Usage per key and day (UTC), including open reservations. The last day of each counter is in usage_monthly instead.';
COMMENT ON COLUMN {cell}.usage_daily.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.usage_daily.key_id IS 'The key, which may have been deleted since.';
COMMENT ON COLUMN {cell}.usage_daily.day IS 'The day that was charged.';
COMMENT ON COLUMN {cell}.usage_daily.requests IS 'Requests used on that day.';
COMMENT ON COLUMN {cell}.usage_daily.tokens IS 'Tokens used on that day.';
COMMENT ON COLUMN {cell}.usage_daily.stt_secs IS 'Seconds of speech used on that day.';
COMMENT ON TABLE {cell}.usage_daily_default IS 'Days whose month has no partition yet. Normally empty.';

CREATE VIEW {cell}.usage_by_day (organisation_id, key_id, day, requests, tokens, stt_secs) AS
SELECT organisation_id, key_id, day, sum(requests)::bigint, sum(tokens)::bigint, sum(stt_secs)::bigint
FROM (
  SELECT organisation_id, key_id, day, requests, tokens, stt_secs FROM {cell}.usage_daily
  UNION ALL
  SELECT organisation_id, key_id, day, day_requests, day_tokens, day_stt_secs FROM {cell}.usage_monthly
  WHERE day IS NOT NULL
) AS parts
GROUP BY organisation_id, key_id, day;

COMMENT ON VIEW {cell}.usage_by_day IS
  'Usage per key and day (UTC), including open reservations. Its sum is usage_monthly.';
COMMENT ON COLUMN {cell}.usage_by_day.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.usage_by_day.key_id IS 'The key, which may have been deleted since.';
COMMENT ON COLUMN {cell}.usage_by_day.day IS 'The day.';
COMMENT ON COLUMN {cell}.usage_by_day.requests IS 'Requests used.';
COMMENT ON COLUMN {cell}.usage_by_day.tokens IS 'Tokens used.';
COMMENT ON COLUMN {cell}.usage_by_day.stt_secs IS 'Seconds of speech used.';

CREATE TABLE {cell}.reservations (
  organisation_id text COLLATE "C" NOT NULL,
  reservation_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  day date NOT NULL,
  requests bigint NOT NULL,
  tokens bigint NOT NULL,
  stt_secs bigint NOT NULL,
  reserved_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  on_expiry text NOT NULL,
  state text NOT NULL DEFAULT 'open',
  closed_at timestamptz,
  settled_requests bigint,
  settled_tokens bigint,
  settled_stt_secs bigint,
  over_limit boolean,
  CONSTRAINT reservations_pkey PRIMARY KEY (organisation_id, reservation_id),
  CONSTRAINT reservations_amounts_check CHECK (requests >= 0 AND tokens >= 0 AND stt_secs >= 0),
  CONSTRAINT reservations_expires_at_check CHECK (expires_at > reserved_at),
  CONSTRAINT reservations_on_expiry_check CHECK (on_expiry IN ('release', 'charge')),
  CONSTRAINT reservations_state_check CHECK (state IN ('open', 'settled', 'expired')),
  CONSTRAINT reservations_settled_amounts_check
    CHECK (settled_requests >= 0 AND settled_tokens >= 0 AND settled_stt_secs >= 0),
  CONSTRAINT reservations_closed_check CHECK (
    (state = 'open') = (closed_at IS NULL) AND (state = 'open') = (settled_requests IS NULL)
    AND (state = 'open') = (settled_tokens IS NULL) AND (state = 'open') = (settled_stt_secs IS NULL)
    AND (state = 'open') = (over_limit IS NULL))
);

-- For expire_reservations.
CREATE INDEX reservations_expires_at_idx ON {cell}.reservations (expires_at) WHERE state = 'open';
-- For purge_reservations.
CREATE INDEX reservations_closed_at_idx ON {cell}.reservations (closed_at) WHERE closed_at IS NOT NULL;

COMMENT ON TABLE {cell}.reservations IS 'Amounts charged before the true ones are known.';
COMMENT ON COLUMN {cell}.reservations.organisation_id IS 'The tenant.';
COMMENT ON COLUMN {cell}.reservations.reservation_id IS 'rsv_….';
COMMENT ON COLUMN {cell}.reservations.key_id IS 'The key that reserved.';
COMMENT ON COLUMN {cell}.reservations.day IS 'The day that was charged. Its month is the counter that was charged.';
COMMENT ON COLUMN {cell}.reservations.requests IS 'Requests reserved.';
COMMENT ON COLUMN {cell}.reservations.tokens IS 'Tokens reserved.';
COMMENT ON COLUMN {cell}.reservations.stt_secs IS 'Seconds of speech reserved.';
COMMENT ON COLUMN {cell}.reservations.reserved_at IS 'When the reservation was made.';
COMMENT ON COLUMN {cell}.reservations.expires_at IS 'When the reservation can no longer be settled.';
COMMENT ON COLUMN {cell}.reservations.on_expiry IS 'Whether expiry gives the amounts back (release) or keeps them used (charge).';
COMMENT ON COLUMN {cell}.reservations.state IS 'open, settled or expired.';
COMMENT ON COLUMN {cell}.reservations.closed_at IS 'When the reservation was settled or expired.';
COMMENT ON COLUMN {cell}.reservations.settled_requests IS 'Requests that stayed used.';
COMMENT ON COLUMN {cell}.reservations.settled_tokens IS 'Tokens that stayed used.';
COMMENT ON COLUMN {cell}.reservations.settled_stt_secs IS 'Seconds of speech that stayed used.';
COMMENT ON COLUMN {cell}.reservations.over_limit IS 'Whether the key used more than it reserved and is over a limit because of it.';

CREATE TABLE {cell}.usage_events (
  organisation_id text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  requests bigint NOT NULL,
  tokens bigint NOT NULL,
  stt_secs bigint NOT NULL,
  over_limit boolean NOT NULL,
  recorded_at timestamptz NOT NULL,
  CONSTRAINT usage_events_pkey PRIMARY KEY (organisation_id, event_id),
  CONSTRAINT usage_events_event_id_check CHECK (char_length(event_id) BETWEEN 1 AND 255)
);

-- For purge_usage_events.
CREATE INDEX usage_events_recorded_at_idx ON {cell}.usage_events (recorded_at);

COMMENT ON TABLE {cell}.usage_events IS 'Events recorded with an event_id, kept at least 24 hours to deduplicate retries.';
COMMENT ON COLUMN {cell}.usage_events.organisation_id IS 'The tenant, within which event_id is unique.';
COMMENT ON COLUMN {cell}.usage_events.event_id IS 'The client''s id of the event.';
COMMENT ON COLUMN {cell}.usage_events.key_id IS 'The key that recorded it.';
COMMENT ON COLUMN {cell}.usage_events.requests IS 'Requests recorded.';
COMMENT ON COLUMN {cell}.usage_events.tokens IS 'Tokens recorded.';
COMMENT ON COLUMN {cell}.usage_events.stt_secs IS 'Seconds of speech recorded.';
COMMENT ON COLUMN {cell}.usage_events.over_limit IS 'The over_limit of the first response.';
COMMENT ON COLUMN {cell}.usage_events.recorded_at IS 'When the event was recorded.';

-- A composite type instead of a function's OUT columns: a type can gain attributes later while the function stays.
CREATE TYPE {cell}.admission AS (
  position integer,
  decision text,
  organisation_id text,
  key_id text,
  environment text,
  scopes text[],
  limit_requests bigint,
  limit_tokens bigint,
  limit_stt_secs bigint,
  used_requests bigint,
  used_tokens bigint,
  used_stt_secs bigint,
  judged_at timestamptz,
  month date
);

COMMENT ON TYPE {cell}.admission IS 'The result of admit for one request. Its file lists the decisions.';

CREATE TYPE {cell}.group_admission AS (
  position integer,
  decision text,
  admitted integer,
  organisation_id text,
  key_id text,
  environment text,
  scopes text[],
  limit_requests bigint,
  limit_tokens bigint,
  limit_stt_secs bigint,
  used_requests bigint,
  used_tokens bigint,
  used_stt_secs bigint,
  judged_at timestamptz
);

COMMENT ON TYPE {cell}.group_admission IS 'The result of admit_groups for one group of requests. Its file explains it.';
