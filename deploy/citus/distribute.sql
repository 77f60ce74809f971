-- Keymeter's tables over several PostgreSQL servers with Citus, by organisation. NOT READY TO BE RUN: docs/scaling.md says
-- what Keymeter's code would have to change first. It was never tried on Citus, of which Debian 12 has no package; what
-- is true of it without Citus (each table is named once, every key holds the organisation) is tested.
--
-- To be run by keymeter's owner on the coordinator, on a migrated database without nodes of Keymeter on it. Written for
-- Citus 12 and PostgreSQL 15, after its documentation.

-- part: settings
-- As a superuser, on every server: shared_preload_libraries = 'citus' and then, in each one's database:
CREATE EXTENSION IF NOT EXISTS citus;
-- Row-level security looks at a setting of the transaction, which must be known on every server that the transaction
-- reaches. Only SET LOCAL is passed on, and not set_config(), which Keymeter calls.
ALTER DATABASE keymeter SET citus.propagate_set_commands = 'local';
-- The triggers of 0014 read and write rows of their own organisation alone, which stand on the same server.
ALTER DATABASE keymeter SET citus.enable_unsafe_triggers = on;

-- part: keys
-- Citus keeps a key unique inside a shard only, so that each has to hold the organisation. Three don't:
-- a provider's name stays unique because organisations become a reference table, a secret's hash for lack of any other
-- secret with the same one: it is an HMAC of 190 random bits.
ALTER TABLE keymeter.api_key_secrets DROP CONSTRAINT api_key_secrets_secret_hash_key;
CREATE INDEX api_key_secrets_secret_hash_idx ON keymeter.api_key_secrets USING hash (secret_hash);
ALTER TABLE keymeter.former_secrets DROP CONSTRAINT former_secrets_secret_hash_key;
CREATE INDEX former_secrets_secret_hash_idx ON keymeter.former_secrets (secret_hash);

-- A caller names no organisation, and so no server. Where its hash is, stands here: a copy on every server.
CREATE TABLE keymeter.secret_places (
  secret_hash bytea NOT NULL,
  organisation_id text COLLATE "C" NOT NULL,
  CONSTRAINT secret_places_pkey PRIMARY KEY (secret_hash, organisation_id)
);
CREATE INDEX secret_places_secret_hash_idx ON keymeter.secret_places USING hash (secret_hash);
INSERT INTO keymeter.secret_places (secret_hash, organisation_id)
SELECT s.secret_hash, s.organisation_id FROM keymeter.api_key_secrets AS s
UNION
SELECT f.secret_hash, f.organisation_id FROM keymeter.former_secrets AS f;
-- What Keymeter's functions alone may read.
REVOKE ALL ON keymeter.secret_places FROM PUBLIC;

-- part: tables
-- Small, seldom written, and needed beside rows of any organisation.
SELECT create_reference_table('keymeter.organisations');
SELECT create_reference_table('keymeter.peppers');
SELECT create_reference_table('keymeter.secret_places');

-- All of an organisation's rows stand on one server. What another one refers to comes first.
SELECT create_distributed_table('keymeter.api_keys', 'organisation_id', shard_count => 128);
SELECT create_distributed_table('keymeter.api_key_secrets', 'organisation_id', colocate_with => 'keymeter.api_keys');
SELECT create_distributed_table('keymeter.former_secrets', 'organisation_id', colocate_with => 'keymeter.api_keys');
SELECT create_distributed_table('keymeter.usage_monthly', 'organisation_id', colocate_with => 'keymeter.api_keys');
-- With its partitions, which are shards' partitions then.
SELECT create_distributed_table('keymeter.usage_daily', 'organisation_id', colocate_with => 'keymeter.api_keys');
SELECT create_distributed_table('keymeter.reservations', 'organisation_id', colocate_with => 'keymeter.api_keys');
SELECT create_distributed_table('keymeter.usage_events', 'organisation_id', colocate_with => 'keymeter.api_keys');
SELECT create_distributed_table('keymeter.idempotency_keys', 'organisation_id', colocate_with => 'keymeter.api_keys');
SELECT create_distributed_table('keymeter.audit_heads', 'organisation_id', colocate_with => 'keymeter.api_keys');
SELECT create_distributed_table('keymeter.audit_log', 'organisation_id', colocate_with => 'keymeter.api_keys');
-- The migrator's ledger stays where it is: schema_migrations and schema_functions are the coordinator's own.

-- part: functions
-- What is about one organisation runs where it is. Inside a transaction, as these are called, only when forced to, and
-- then they may touch nothing else: which holds of each.
SELECT create_distributed_function(
  'keymeter.append_audit(text, text, text, text, text, text, jsonb)', 'organisation',
  colocate_with => 'keymeter.api_keys', force_delegation => true);
SELECT create_distributed_function(
  'keymeter.claim_idempotency_key(text, text, bytea)', 'organisation',
  colocate_with => 'keymeter.api_keys', force_delegation => true);
SELECT create_distributed_function(
  'keymeter.bump_counter_version(text, text)', 'organisation',
  colocate_with => 'keymeter.api_keys', force_delegation => true);
SELECT create_distributed_function(
  'keymeter.settle(text, text, text, bigint, bigint, bigint)', 'organisation',
  colocate_with => 'keymeter.api_keys', force_delegation => true);
SELECT create_distributed_function(
  'keymeter.usage(text, text)', 'organisation',
  colocate_with => 'keymeter.api_keys', force_delegation => true);
SELECT create_distributed_function(
  'keymeter.usage_analytics(text, text[], date, date)', 'organisation',
  colocate_with => 'keymeter.api_keys', force_delegation => true);
-- What a row's plan inlines, or what works on any of them, is the same everywhere.
SELECT create_distributed_function('keymeter.month_of(date)');
SELECT create_distributed_function('keymeter.require_tenant(text)');
SELECT create_distributed_function('keymeter.take_key_facts()');
SELECT create_distributed_function('keymeter.pass_key_facts_on()');
SELECT create_distributed_function('keymeter.refuse_audit_change()');
