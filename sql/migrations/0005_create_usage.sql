-- What was used. None of these tables refers to api_keys: usage outlives a deleted key, under its bare id.
--
-- Locks are always taken in this order, so that no two transactions wait for each other: a reservation or an
-- event first, then counters (usage_monthly) by organisation, key and month in COLLATE "C" order, then days.
-- A row of usage_daily is only ever written under its key's counter.

-- The counters that admission locks. Nothing that changes is indexed, and pages keep room for new versions, so
-- that an update stays on its page (HOT) and costs no index entry.
CREATE TABLE keymeter.usage_monthly (
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
  CONSTRAINT usage_monthly_pkey PRIMARY KEY (organisation_id, key_id, month),
  CONSTRAINT usage_monthly_month_check CHECK (date_part('day', month::timestamp) = 1),
  CONSTRAINT usage_monthly_requests_check CHECK (reserved_requests >= 0 AND used_requests >= reserved_requests),
  CONSTRAINT usage_monthly_tokens_check CHECK (reserved_tokens >= 0 AND used_tokens >= reserved_tokens),
  CONSTRAINT usage_monthly_stt_secs_check CHECK (reserved_stt_secs >= 0 AND used_stt_secs >= reserved_stt_secs)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

COMMENT ON TABLE keymeter.usage_monthly IS 'The counters that limits are judged by: one row a key and calendar month (UTC).';
COMMENT ON COLUMN keymeter.usage_monthly.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.usage_monthly.key_id IS 'The key, which may have been deleted since.';
COMMENT ON COLUMN keymeter.usage_monthly.month IS 'The first day of the month.';
COMMENT ON COLUMN keymeter.usage_monthly.used_requests IS 'Requests used, those held by open reservations included.';
COMMENT ON COLUMN keymeter.usage_monthly.used_tokens IS 'Tokens used, those held by open reservations included.';
COMMENT ON COLUMN keymeter.usage_monthly.used_stt_secs IS 'Seconds of speech used, those held by open reservations included.';
COMMENT ON COLUMN keymeter.usage_monthly.reserved_requests IS 'The part of used_requests that open reservations hold.';
COMMENT ON COLUMN keymeter.usage_monthly.reserved_tokens IS 'The part of used_tokens that open reservations hold.';
COMMENT ON COLUMN keymeter.usage_monthly.reserved_stt_secs IS 'The part of used_stt_secs that open reservations hold.';
COMMENT ON COLUMN keymeter.usage_monthly.last_used_at IS 'When the key was last charged.';

-- What reports and analytics read. Reached through the parent only; keymeter.ensure_usage_partitions makes the
-- months ahead.
CREATE TABLE keymeter.usage_daily (
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

-- Catches a day whose month nobody made in time: a missing partition must neither lose a charge nor fail a
-- verification. keymeter.ensure_usage_partitions moves such rows to where they belong.
CREATE TABLE keymeter.usage_daily_default PARTITION OF keymeter.usage_daily DEFAULT WITH (fillfactor = 60);

COMMENT ON TABLE keymeter.usage_daily IS 'Usage a key and day (UTC), open reservations included; sums up to usage_monthly.';
COMMENT ON COLUMN keymeter.usage_daily.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.usage_daily.key_id IS 'The key, which may have been deleted since.';
COMMENT ON COLUMN keymeter.usage_daily.day IS 'The day that was charged.';
COMMENT ON COLUMN keymeter.usage_daily.requests IS 'Requests used on that day.';
COMMENT ON COLUMN keymeter.usage_daily.tokens IS 'Tokens used on that day.';
COMMENT ON COLUMN keymeter.usage_daily.stt_secs IS 'Seconds of speech used on that day.';
COMMENT ON TABLE keymeter.usage_daily_default IS 'Days whose month has no partition of its own yet; normally empty.';

-- The month is not stored: it is the day's.
CREATE TABLE keymeter.reservations (
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

-- What the sweeper looks for.
CREATE INDEX reservations_expires_at_idx ON keymeter.reservations (expires_at) WHERE state = 'open';
-- What retention looks for.
CREATE INDEX reservations_closed_at_idx ON keymeter.reservations (closed_at) WHERE closed_at IS NOT NULL;

COMMENT ON TABLE keymeter.reservations IS 'Charges taken before the true amounts are known.';
COMMENT ON COLUMN keymeter.reservations.organisation_id IS 'The tenant.';
COMMENT ON COLUMN keymeter.reservations.reservation_id IS 'rsv_…';
COMMENT ON COLUMN keymeter.reservations.key_id IS 'The key that reserved.';
COMMENT ON COLUMN keymeter.reservations.day IS 'The day that was charged, and by it the month.';
COMMENT ON COLUMN keymeter.reservations.requests IS 'Requests reserved.';
COMMENT ON COLUMN keymeter.reservations.tokens IS 'Tokens reserved.';
COMMENT ON COLUMN keymeter.reservations.stt_secs IS 'Seconds of speech reserved.';
COMMENT ON COLUMN keymeter.reservations.reserved_at IS 'When it was made.';
COMMENT ON COLUMN keymeter.reservations.expires_at IS 'From when on it can no longer be settled.';
COMMENT ON COLUMN keymeter.reservations.on_expiry IS 'Whether its amounts are then given back (release) or stay used (charge).';
COMMENT ON COLUMN keymeter.reservations.state IS 'open, settled or expired.';
COMMENT ON COLUMN keymeter.reservations.closed_at IS 'When it was settled or swept.';
COMMENT ON COLUMN keymeter.reservations.settled_requests IS 'Requests that stayed used.';
COMMENT ON COLUMN keymeter.reservations.settled_tokens IS 'Tokens that stayed used.';
COMMENT ON COLUMN keymeter.reservations.settled_stt_secs IS 'Seconds of speech that stayed used.';
COMMENT ON COLUMN keymeter.reservations.over_limit IS 'Whether settling it took the key over a limit by more than was reserved.';

CREATE TABLE keymeter.usage_events (
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

-- What retention looks for.
CREATE INDEX usage_events_recorded_at_idx ON keymeter.usage_events (recorded_at);

COMMENT ON TABLE keymeter.usage_events IS 'Events reported with an event_id, kept for at least 24 hours so that each counts once.';
COMMENT ON COLUMN keymeter.usage_events.organisation_id IS 'The tenant, inside which event_id is unique.';
COMMENT ON COLUMN keymeter.usage_events.event_id IS 'The caller''s name for the event.';
COMMENT ON COLUMN keymeter.usage_events.key_id IS 'The key that reported it.';
COMMENT ON COLUMN keymeter.usage_events.requests IS 'Requests counted.';
COMMENT ON COLUMN keymeter.usage_events.tokens IS 'Tokens counted.';
COMMENT ON COLUMN keymeter.usage_events.stt_secs IS 'Seconds of speech counted.';
COMMENT ON COLUMN keymeter.usage_events.over_limit IS 'What was answered.';
COMMENT ON COLUMN keymeter.usage_events.recorded_at IS 'When it was counted.';

-- One answer of keymeter.admit. A type of its own rather than a function's OUT columns, because a type can be
-- given further attributes later while the function stays; callers name the columns they want.
CREATE TYPE keymeter.admission AS (
  position integer,
  decision smallint,
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

COMMENT ON TYPE keymeter.admission IS 'What keymeter.admit answers to one request; see its file for the decisions.';

-- Analytics may name any key; whose it is decides between forbidden and unknown.
CREATE INDEX api_keys_key_id_idx ON keymeter.api_keys (key_id);
