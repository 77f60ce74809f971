"""Measures how long each migration takes on a database with many keys."""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import OWNER, UNCHECKED, Cluster

MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "sql" / "migrations"
# The last migration of the baseline. The rows are loaded after it.
_LOAD_AFTER = 9
# The migrator creates these ledgers before the first migration, which transfers them to the owner.
_LEDGER = """
    CREATE SCHEMA keymeter_home;
    CREATE TABLE keymeter_home.schema_migrations (version integer PRIMARY KEY);
    CREATE TABLE keymeter_home.schema_functions (name text PRIMARY KEY)"""


@dataclass
class MigrationTimes:
    keys: int
    # By the number of the migration, for those that ran with rows.
    seconds: dict[str, float]


def measure(cluster: Cluster, keys: int) -> MigrationTimes:
    """Loads keys, each with a counter and a daily row, into the first version of the tables, then migrates them."""
    database = f"migrated_{keys}"
    cluster.create(database)
    cluster.sql(database, _LEDGER, role=OWNER)
    seconds = {}
    for file in sorted(MIGRATIONS.glob("*.sql")):
        number = file.name[:4]
        start = time.monotonic()
        # Each in one transaction, like the migrator.
        text = file.read_text().replace("{cell}", "keymeter")
        cluster.sql(database, f"BEGIN; {text} COMMIT", seconds=1200, role=OWNER)
        if int(number) > _LOAD_AFTER:
            seconds[number] = time.monotonic() - start
        if int(number) == _LOAD_AFTER:
            _load(cluster, database, keys)
    cluster.sql("postgres", f"DROP DATABASE {database}")
    return MigrationTimes(keys, seconds)


def _load(cluster: Cluster, database: str, keys: int) -> None:
    for text in (
        f"""INSERT INTO keymeter.organisations (organisation_id, provider_id, name)
            SELECT 'org_' || lpad(n::text, 24, '0'), 'bench-' || n, 'Bench ' || n
            FROM generate_series(0, {keys // 100}) AS n""",
        f"""INSERT INTO keymeter.api_keys (organisation_id, key_id, friendly_name, root, environment, scopes, usage_limit,
              monthly_token_limit, linkage_id, key_hint)
            SELECT 'org_' || lpad((n / 100)::text, 24, '0'), 'key_' || left(md5(n::text), 24), 'Bench ' || n, false,
              'PRODUCTION', '{{incidents:read,incidents:write}}', 1000000, 1000000, 'unit-' || n, 'sk_live_...0000'
            FROM generate_series(0, {keys - 1}) AS n""",
        """INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id, environment, scopes,
              usage_limit, monthly_token_limit)
            SELECT organisation_id, key_id, sha256(key_id::bytea), 'bench', environment, scopes, usage_limit,
              monthly_token_limit FROM keymeter.api_keys""",
        """INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, used_requests)
            SELECT organisation_id, key_id, date_trunc('month', now() AT TIME ZONE 'UTC')::date, 1 FROM keymeter.api_keys""",
        """INSERT INTO keymeter.usage_daily (organisation_id, key_id, day, requests, tokens, stt_secs)
            SELECT organisation_id, key_id, (now() AT TIME ZONE 'UTC')::date, 1, 0, 0 FROM keymeter.api_keys""",
    ):
        cluster.sql(database, text, seconds=600, env=UNCHECKED)
    cluster.sql(database, "VACUUM (ANALYZE)")
