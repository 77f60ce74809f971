-- Generated from the migrations by `make schema`. Not applied: read it to see each table whole.
-- Functions and reporting views are in sql/functions. The monthly partitions of usage_daily are left out.

-- The result of admit for one request. Its file lists the decisions.
CREATE TYPE keymeter.admission AS (
  "position" integer,
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
  judged_at timestamp with time zone,
  month date
);

-- Hashes of the secrets that authenticate, with the columns that a verification needs.
CREATE TABLE keymeter.api_key_secrets (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  key_id text COLLATE "C" NOT NULL, -- The key.
  secret_hash bytea NOT NULL, -- HMAC-SHA-256 of the secret under the pepper.
  pepper_id text NOT NULL, -- The pepper that the hash was made with.
  valid_until timestamp with time zone, -- When the secret stops authenticating, after a rotation with overlap or a revocation. NULL is never.
  environment text NOT NULL, -- As in api_keys.
  scopes text[] NOT NULL, -- As in api_keys.
  usage_limit bigint, -- As in api_keys.
  monthly_token_limit bigint, -- As in api_keys.
  monthly_stt_secs_limit bigint, -- As in api_keys.
  expires_at timestamp with time zone, -- As in api_keys.
  revoked_at timestamp with time zone, -- As in api_keys.
  allowed_cidrs cidr[], -- As in api_keys.
  CONSTRAINT api_key_secrets_pkey PRIMARY KEY (organisation_id, key_id, secret_hash),
  CONSTRAINT api_key_secrets_secret_hash_key EXCLUDE USING hash (secret_hash WITH =),
  CONSTRAINT api_key_secrets_key_id_fkey FOREIGN KEY (organisation_id, key_id) REFERENCES keymeter.api_keys(organisation_id, key_id) ON DELETE CASCADE,
  CONSTRAINT api_key_secrets_secret_hash_check CHECK (octet_length(secret_hash) = 32)
);
CREATE TRIGGER api_key_secrets_copy_key_columns BEFORE INSERT OR UPDATE OF organisation_id, key_id, environment, scopes, usage_limit, monthly_token_limit, monthly_stt_secs_limit, expires_at, revoked_at, allowed_cidrs ON keymeter.api_key_secrets FOR EACH ROW EXECUTE FUNCTION keymeter.copy_key_columns();
ALTER TABLE keymeter.api_key_secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.api_key_secrets TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT DELETE, INSERT, SELECT, UPDATE (valid_until) ON keymeter.api_key_secrets TO keymeter_app;

-- Root and child keys, without their secrets.
CREATE TABLE keymeter.api_keys (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  key_id text COLLATE "C" NOT NULL, -- key_…. A rotation keeps it.
  friendly_name text NOT NULL, -- Human-readable name.
  root boolean NOT NULL, -- Whether the key manages the organisation.
  environment text NOT NULL, -- PRODUCTION, STAGING or DEVELOPMENT.
  scopes text[] NOT NULL, -- What the key may do.
  usage_limit bigint, -- Requests per month. NULL is unlimited.
  monthly_token_limit bigint, -- LLM tokens per month. NULL is unlimited.
  monthly_stt_secs_limit bigint, -- Seconds of speech per month. NULL is unlimited.
  linkage_id text NOT NULL, -- What the key is used for, unique within the organisation.
  key_hint text NOT NULL, -- Prefix and last four characters of the secret.
  created_at timestamp with time zone NOT NULL DEFAULT now(), -- When the key was issued.
  expires_at timestamp with time zone, -- When the key expires. NULL is never.
  revoked_at timestamp with time zone, -- When the key was revoked. NULL if it was not.
  last_used_at timestamp with time zone, -- When the key last authenticated a management call, to the minute.
  allowed_cidrs cidr[], -- Client addresses that may use the key. NULL is any address.
  CONSTRAINT api_keys_pkey PRIMARY KEY (organisation_id, key_id),
  CONSTRAINT api_keys_linkage_id_key UNIQUE (organisation_id, linkage_id),
  CONSTRAINT api_keys_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES keymeter.organisations(organisation_id) ON DELETE CASCADE,
  CONSTRAINT api_keys_allowed_cidrs_check CHECK (cardinality(allowed_cidrs) >= 1 AND cardinality(allowed_cidrs) <= 50 AND array_ndims(allowed_cidrs) = 1 AND array_position(allowed_cidrs, NULL::cidr) IS NULL),
  CONSTRAINT api_keys_environment_check CHECK (environment = ANY (ARRAY['PRODUCTION'::text, 'STAGING'::text, 'DEVELOPMENT'::text])),
  CONSTRAINT api_keys_friendly_name_check CHECK (char_length(friendly_name) >= 1 AND char_length(friendly_name) <= 255),
  CONSTRAINT api_keys_linkage_id_check CHECK (char_length(linkage_id) >= 1 AND char_length(linkage_id) <= 255),
  CONSTRAINT api_keys_monthly_stt_secs_limit_check CHECK (monthly_stt_secs_limit >= 0 AND monthly_stt_secs_limit <= '9007199254740991'::bigint),
  CONSTRAINT api_keys_monthly_token_limit_check CHECK (monthly_token_limit >= 0 AND monthly_token_limit <= '9007199254740991'::bigint),
  CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) >= 1 AND cardinality(scopes) <= 100),
  CONSTRAINT api_keys_usage_limit_check CHECK (usage_limit >= 0 AND usage_limit <= '9007199254740991'::bigint)
);
CREATE INDEX api_keys_created_at_idx ON keymeter.api_keys USING btree (organisation_id, created_at, key_id);
CREATE INDEX api_keys_key_id_idx ON keymeter.api_keys USING hash (key_id);
CREATE TRIGGER api_keys_propagate_key_columns AFTER UPDATE ON keymeter.api_keys FOR EACH ROW WHEN (old.environment IS DISTINCT FROM new.environment OR old.scopes IS DISTINCT FROM new.scopes OR old.usage_limit IS DISTINCT FROM new.usage_limit OR old.monthly_token_limit IS DISTINCT FROM new.monthly_token_limit OR old.monthly_stt_secs_limit IS DISTINCT FROM new.monthly_stt_secs_limit OR old.expires_at IS DISTINCT FROM new.expires_at OR old.revoked_at IS DISTINCT FROM new.revoked_at OR old.allowed_cidrs IS DISTINCT FROM new.allowed_cidrs) EXECUTE FUNCTION keymeter.propagate_key_columns();
ALTER TABLE keymeter.api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.api_keys TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT DELETE, INSERT, SELECT, UPDATE (friendly_name, environment, scopes, usage_limit, monthly_token_limit, monthly_stt_secs_limit, key_hint, expires_at, revoked_at, last_used_at, allowed_cidrs) ON keymeter.api_keys TO keymeter_app;

-- The last entry of each audit log. Appending locks its row.
CREATE TABLE keymeter.audit_heads (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  last_audit_id bigint NOT NULL, -- The number of the last entry.
  CONSTRAINT audit_heads_pkey PRIMARY KEY (organisation_id)
);
ALTER TABLE keymeter.audit_heads ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.audit_heads TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));

-- Every change, written in the transaction that made it. Append-only.
CREATE TABLE keymeter.audit_log (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  audit_id bigint NOT NULL, -- Counts from 1 within the organisation.
  occurred_at timestamp with time zone NOT NULL, -- When the change was made.
  principal text NOT NULL, -- Who made it: a key id, or cli.
  principal_hint text, -- The hint of that key.
  action text NOT NULL, -- What was done, for example key.created.
  target text NOT NULL, -- The id of the changed object.
  request_id text NOT NULL, -- The request that made the change.
  changes jsonb NOT NULL, -- Each changed field: {"field": {"old": …, "new": …}}. Never a secret.
  CONSTRAINT audit_log_pkey PRIMARY KEY (organisation_id, audit_id)
);
CREATE TRIGGER audit_log_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON keymeter.audit_log FOR EACH STATEMENT EXECUTE FUNCTION keymeter.reject_audit_change();
ALTER TABLE keymeter.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.audit_log TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT SELECT ON keymeter.audit_log TO keymeter_app;

-- Hashes of secrets that a rotation has replaced.
CREATE TABLE keymeter.former_secrets (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  key_id text COLLATE "C" NOT NULL, -- The key.
  secret_hash bytea NOT NULL, -- HMAC-SHA-256 of the secret under the pepper of its time.
  superseded_at timestamp with time zone NOT NULL, -- When the rotation replaced it.
  reported_at timestamp with time zone, -- When the secret was first reported as leaked after it had stopped authenticating. NULL is never.
  CONSTRAINT former_secrets_pkey PRIMARY KEY (organisation_id, key_id, secret_hash),
  CONSTRAINT former_secrets_secret_hash_key UNIQUE (secret_hash),
  CONSTRAINT former_secrets_key_id_fkey FOREIGN KEY (organisation_id, key_id) REFERENCES keymeter.api_keys(organisation_id, key_id) ON DELETE CASCADE,
  CONSTRAINT former_secrets_secret_hash_check CHECK (octet_length(secret_hash) = 32)
);
ALTER TABLE keymeter.former_secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.former_secrets TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT INSERT, SELECT, UPDATE (reported_at) ON keymeter.former_secrets TO keymeter_app;

-- The result of admit_groups for one group of requests. Its file explains it.
CREATE TYPE keymeter.group_admission AS (
  "position" integer,
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
  judged_at timestamp with time zone
);

-- First responses to requests with an Idempotency-Key, kept for 24 hours.
CREATE TABLE keymeter.idempotency_keys (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  key_id text COLLATE "C" NOT NULL, -- The calling key, within which Idempotency-Keys are unique.
  name_hash bytea NOT NULL, -- SHA-256 of tenant, calling key and Idempotency-Key. The Idempotency-Key itself is not stored.
  salt bytea NOT NULL, -- Random bytes from which the encryption key of this response is derived.
  sealed_answer bytea NOT NULL, -- The request's fingerprint and the response, AES-256-GCM under a key derived from the caller's API key.
  expires_at timestamp with time zone NOT NULL, -- When the entry expires. An expired entry counts as absent.
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (organisation_id, key_id, name_hash),
  CONSTRAINT idempotency_keys_name_hash_check CHECK (octet_length(name_hash) = 32),
  CONSTRAINT idempotency_keys_salt_check CHECK (octet_length(salt) = 32),
  CONSTRAINT idempotency_keys_sealed_answer_check CHECK (octet_length(sealed_answer) > 28)
);
CREATE INDEX idempotency_keys_expires_at_idx ON keymeter.idempotency_keys USING btree (expires_at);
ALTER TABLE keymeter.idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.idempotency_keys TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT INSERT, SELECT, UPDATE (salt, sealed_answer, expires_at) ON keymeter.idempotency_keys TO keymeter_app;

-- The tenants.
CREATE TABLE keymeter.organisations (
  organisation_id text COLLATE "C" NOT NULL, -- Internal id, org_….
  provider_id text COLLATE "C" NOT NULL, -- Public, unique id that clients send as X-Scrubs-Clinic-Provider.
  name text NOT NULL, -- Human-readable name.
  created_at timestamp with time zone NOT NULL DEFAULT now(), -- When the organisation was created.
  CONSTRAINT organisations_pkey PRIMARY KEY (organisation_id),
  CONSTRAINT organisations_provider_id_key UNIQUE (provider_id),
  CONSTRAINT organisations_name_check CHECK (char_length(name) >= 1 AND char_length(name) <= 255),
  CONSTRAINT organisations_provider_id_check CHECK (provider_id ~ '^[A-Za-z0-9._-]{1,128}$'::text)
);
ALTER TABLE keymeter.organisations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.organisations TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT SELECT ON keymeter.organisations TO keymeter_app;

-- Amounts charged before the true ones are known.
CREATE TABLE keymeter.reservations (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  reservation_id text COLLATE "C" NOT NULL, -- rsv_….
  key_id text COLLATE "C" NOT NULL, -- The key that reserved.
  day date NOT NULL, -- The day that was charged. Its month is the counter that was charged.
  requests bigint NOT NULL, -- Requests reserved.
  tokens bigint NOT NULL, -- Tokens reserved.
  stt_secs bigint NOT NULL, -- Seconds of speech reserved.
  reserved_at timestamp with time zone NOT NULL, -- When the reservation was made.
  expires_at timestamp with time zone NOT NULL, -- When the reservation can no longer be settled.
  on_expiry text NOT NULL, -- Whether expiry gives the amounts back (release) or keeps them used (charge).
  state text NOT NULL DEFAULT 'open'::text, -- open, settled or expired.
  closed_at timestamp with time zone, -- When the reservation was settled or expired.
  settled_requests bigint, -- Requests that stayed used.
  settled_tokens bigint, -- Tokens that stayed used.
  settled_stt_secs bigint, -- Seconds of speech that stayed used.
  over_limit boolean, -- Whether the key used more than it reserved and is over a limit because of it.
  CONSTRAINT reservations_pkey PRIMARY KEY (organisation_id, reservation_id),
  CONSTRAINT reservations_amounts_check CHECK (requests >= 0 AND tokens >= 0 AND stt_secs >= 0),
  CONSTRAINT reservations_closed_check CHECK ((state = 'open'::text) = (closed_at IS NULL) AND (state = 'open'::text) = (settled_requests IS NULL) AND (state = 'open'::text) = (settled_tokens IS NULL) AND (state = 'open'::text) = (settled_stt_secs IS NULL) AND (state = 'open'::text) = (over_limit IS NULL)),
  CONSTRAINT reservations_expires_at_check CHECK (expires_at > reserved_at),
  CONSTRAINT reservations_on_expiry_check CHECK (on_expiry = ANY (ARRAY['release'::text, 'charge'::text])),
  CONSTRAINT reservations_settled_amounts_check CHECK (settled_requests >= 0 AND settled_tokens >= 0 AND settled_stt_secs >= 0),
  CONSTRAINT reservations_state_check CHECK (state = ANY (ARRAY['open'::text, 'settled'::text, 'expired'::text]))
);
CREATE INDEX reservations_closed_at_idx ON keymeter.reservations USING btree (closed_at) WHERE (closed_at IS NOT NULL);
CREATE INDEX reservations_expires_at_idx ON keymeter.reservations USING btree (expires_at) WHERE (state = 'open'::text);
ALTER TABLE keymeter.reservations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.reservations TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));

-- Usage per key and day (UTC), including open reservations. Its sum is usage_monthly.
CREATE VIEW keymeter.usage_by_day AS
 SELECT parts.organisation_id,
    parts.key_id,
    parts.day,
    sum(parts.requests)::bigint AS requests,
    sum(parts.tokens)::bigint AS tokens,
    sum(parts.stt_secs)::bigint AS stt_secs
   FROM ( SELECT usage_daily.organisation_id,
            usage_daily.key_id,
            usage_daily.day,
            usage_daily.requests,
            usage_daily.tokens,
            usage_daily.stt_secs
           FROM keymeter.usage_daily
        UNION ALL
         SELECT usage_monthly.organisation_id,
            usage_monthly.key_id,
            usage_monthly.day,
            usage_monthly.day_requests,
            usage_monthly.day_tokens,
            usage_monthly.day_stt_secs
           FROM keymeter.usage_monthly
          WHERE usage_monthly.day IS NOT NULL) parts
  GROUP BY parts.organisation_id, parts.key_id, parts.day;

-- Usage per key and day (UTC), including open reservations. The last day of each counter is in usage_monthly instead.
CREATE TABLE keymeter.usage_daily (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  key_id text COLLATE "C" NOT NULL, -- The key, which may have been deleted since.
  day date NOT NULL, -- The day that was charged.
  requests bigint NOT NULL, -- Requests used on that day.
  tokens bigint NOT NULL, -- Tokens used on that day.
  stt_secs bigint NOT NULL, -- Seconds of speech used on that day.
  CONSTRAINT usage_daily_pkey PRIMARY KEY (organisation_id, key_id, day),
  CONSTRAINT usage_daily_requests_check CHECK (requests >= 0),
  CONSTRAINT usage_daily_stt_secs_check CHECK (stt_secs >= 0),
  CONSTRAINT usage_daily_tokens_check CHECK (tokens >= 0)
) PARTITION BY RANGE (day);
ALTER TABLE keymeter.usage_daily ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.usage_daily TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT SELECT ON keymeter.usage_daily TO keymeter_app;

-- Days whose month has no partition yet. Normally empty.
CREATE TABLE keymeter.usage_daily_default PARTITION OF keymeter.usage_daily DEFAULT WITH (fillfactor=60);

-- Events recorded with an event_id, kept at least 24 hours to deduplicate retries.
CREATE TABLE keymeter.usage_events (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant, within which event_id is unique.
  event_id text COLLATE "C" NOT NULL, -- The client's id of the event.
  key_id text COLLATE "C" NOT NULL, -- The key that recorded it.
  requests bigint NOT NULL, -- Requests recorded.
  tokens bigint NOT NULL, -- Tokens recorded.
  stt_secs bigint NOT NULL, -- Seconds of speech recorded.
  over_limit boolean NOT NULL, -- The over_limit of the first response.
  recorded_at timestamp with time zone NOT NULL, -- When the event was recorded.
  CONSTRAINT usage_events_pkey PRIMARY KEY (organisation_id, event_id),
  CONSTRAINT usage_events_event_id_check CHECK (char_length(event_id) >= 1 AND char_length(event_id) <= 255)
);
CREATE INDEX usage_events_recorded_at_idx ON keymeter.usage_events USING btree (recorded_at);
ALTER TABLE keymeter.usage_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.usage_events TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));

-- The counters that limits apply to: one row per key and calendar month (UTC).
CREATE TABLE keymeter.usage_monthly (
  organisation_id text COLLATE "C" NOT NULL, -- The tenant.
  key_id text COLLATE "C" NOT NULL, -- The key, which may have been deleted since.
  month date NOT NULL, -- The first day of the month.
  used_requests bigint NOT NULL DEFAULT 0, -- Requests used, including open reservations.
  used_tokens bigint NOT NULL DEFAULT 0, -- Tokens used, including open reservations.
  used_stt_secs bigint NOT NULL DEFAULT 0, -- Seconds of speech used, including open reservations.
  reserved_requests bigint NOT NULL DEFAULT 0, -- The part of used_requests that open reservations hold.
  reserved_tokens bigint NOT NULL DEFAULT 0, -- The part of used_tokens that open reservations hold.
  reserved_stt_secs bigint NOT NULL DEFAULT 0, -- The part of used_stt_secs that open reservations hold.
  last_used_at timestamp with time zone, -- When the key was last charged.
  day date, -- The last day (UTC) that was charged. NULL if nothing was charged since usage_daily was last written.
  day_requests bigint NOT NULL DEFAULT 0, -- The part of used_requests on `day` that is not in usage_daily.
  day_tokens bigint NOT NULL DEFAULT 0, -- The part of used_tokens on `day` that is not in usage_daily.
  day_stt_secs bigint NOT NULL DEFAULT 0, -- The part of used_stt_secs on `day` that is not in usage_daily.
  CONSTRAINT usage_monthly_pkey PRIMARY KEY (organisation_id, key_id, month),
  CONSTRAINT usage_monthly_day_check CHECK (day_requests >= 0 AND day_requests <= used_requests AND day_tokens >= 0 AND day_tokens <= used_tokens AND day_stt_secs >= 0 AND day_stt_secs <= used_stt_secs),
  CONSTRAINT usage_monthly_month_check CHECK (date_part('day'::text, month::timestamp without time zone) = 1::double precision),
  CONSTRAINT usage_monthly_requests_check CHECK (reserved_requests >= 0 AND used_requests >= reserved_requests),
  CONSTRAINT usage_monthly_stt_secs_check CHECK (reserved_stt_secs >= 0 AND used_stt_secs >= reserved_stt_secs),
  CONSTRAINT usage_monthly_tokens_check CHECK (reserved_tokens >= 0 AND used_tokens >= reserved_tokens)
) WITH (fillfactor=60, autovacuum_vacuum_scale_factor=0.05);
CREATE INDEX usage_monthly_counter_idx ON keymeter.usage_monthly USING hash (hashtextextended(key_id, ((month - '2000-01-01'::date))::bigint));
ALTER TABLE keymeter.usage_monthly ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON keymeter.usage_monthly TO keymeter_app USING (organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text));
GRANT SELECT ON keymeter.usage_monthly TO keymeter_app;

-- Every organisation of the deployment by its provider id.
CREATE TABLE keymeter_home.directory (
  provider_id text COLLATE "C" NOT NULL, -- As in organisations.
  organisation_id text COLLATE "C" NOT NULL, -- The organisation.
  CONSTRAINT directory_pkey PRIMARY KEY (provider_id),
  CONSTRAINT directory_organisation_id_key UNIQUE (organisation_id)
);

-- Every pepper that was ever used with this deployment, by its id. Never its bytes.
CREATE TABLE keymeter_home.peppers (
  pepper_id text COLLATE "C" NOT NULL, -- The id in KEYMETER_PEPPERS, as in api_key_secrets.
  check_value bytea NOT NULL, -- HMAC-SHA-256(pepper, a fixed text that is no key), which detects different bytes under the same id.
  first_seen timestamp with time zone NOT NULL DEFAULT now(), -- When a node or a command first used it.
  CONSTRAINT peppers_pkey PRIMARY KEY (pepper_id),
  CONSTRAINT peppers_check_value_check CHECK (octet_length(check_value) = 32)
);
GRANT INSERT, SELECT ON keymeter_home.peppers TO keymeter_app;

-- Files of sql/functions as last applied.
CREATE TABLE keymeter_home.schema_functions (
  name text NOT NULL, -- The file's name.
  checksum text NOT NULL, -- SHA-256 of the file.
  applied_at timestamp with time zone NOT NULL DEFAULT now(), -- When it was last applied.
  CONSTRAINT schema_functions_pkey PRIMARY KEY (name)
);
GRANT SELECT ON keymeter_home.schema_functions TO keymeter_app;

-- Applied migrations.
CREATE TABLE keymeter_home.schema_migrations (
  version integer NOT NULL, -- The number in the file's name.
  name text NOT NULL, -- The file's name.
  checksum text NOT NULL, -- SHA-256 of the file.
  applied_at timestamp with time zone NOT NULL DEFAULT now(), -- When it was applied.
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)
);
GRANT SELECT ON keymeter_home.schema_migrations TO keymeter_app;

-- The result of current_schema_objects() when `migrate` last changed the schema. Empty while a migration is unfinished.
CREATE TABLE keymeter_home.schema_objects (
  kind text COLLATE "C" NOT NULL, -- Function, trigger, policy and so on.
  name text COLLATE "C" NOT NULL, -- With its schema and table.
  hash text COLLATE "C" NOT NULL, -- SHA-256 of the definition.
  CONSTRAINT schema_objects_pkey PRIMARY KEY (kind, name, hash)
);
GRANT SELECT ON keymeter_home.schema_objects TO keymeter_app;
