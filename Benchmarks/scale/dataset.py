"""Generates and loads millions of keys and a year of usage within minutes."""

import os
import random
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

from bench.cluster import UNCHECKED, Cluster
from bench.keys import KEYS_PER_ORGANISATION, RECORDS, SECRETS, WIDTH, KeySet
from bench.session import say
from servers.failure import Failure
from servers.processes import run

from .profile import Profile

# Builds each index in memory.
_LOADING = UNCHECKED | {
    "PGOPTIONS": UNCHECKED["PGOPTIONS"] + " -c maintenance_work_mem=1GB -c work_mem=256MB"}
_BATCH_SIZE = 2_000
LARGE = "org_" + "0" * 24
# The requests that a key uses on each of its days, from 1 to 50. It uses a hundred times as many tokens.
_DAILY = "1 + abs(hashtext(k.key_id) % 50)"
# One key in ten of the other organisations was used on these days of one month. The key's hash selects the month.
_SPARSE_DAYS = (5, 12, 20)


class LargeSet(KeySet):
    """One organisation with very many keys, all used on each day of a year, and very many organisations with 100 keys."""

    def __init__(self, profile: Profile, folder: Path, today: date) -> None:
        super().__init__(profile.keys, folder)
        self.profile, self.today = profile, today
        self.months = months_before(today)
        # The client's file has every key whose number is a multiple of this.
        self.stride = profile.keys // profile.drawn

    def organisation(self, number: int) -> int:
        return 0 if number < self.profile.large else 1 + (number - self.profile.large) // KEYS_PER_ORGANISATION

    def is_root(self, number: int) -> bool:
        return number == 0 or (number >= self.profile.large and (number - self.profile.large) % KEYS_PER_ORGANISATION == 0)

    def key(self, number: int) -> str:
        """The secret of a key in the client's file."""
        with self.file.open("rb") as lines:
            lines.seek(number // self.stride * (WIDTH + 1))
            return lines.read(WIDTH).decode()

    def load(self, cluster: Cluster, pepper: bytes) -> None:
        say("loading organisations and keys")
        self._organisations(cluster)
        recreate = self._drop_hash_indexes(cluster)
        self._stream(cluster, pepper)
        say("loading usage")
        self._partitions(cluster)
        self._sql(cluster, f"""
            CREATE UNLOGGED TABLE sparse AS
            SELECT k.organisation_id, k.key_id, abs(hashtext(k.key_id) / 10) % 12 AS month FROM keymeter.api_keys AS k
            WHERE k.organisation_id > '{LARGE}' AND hashtext(k.key_id) % 10 = 0""")
        # Every key has a counter of today, so that no daily or monthly rollover is measured.
        tasks = [lambda: self._sql(cluster, f"""
            INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, day, used_requests, used_tokens, last_used_at)
            SELECT k.organisation_id, k.key_id, '{self.months[-1]}', '{self.today}', k.used, k.used * 100,
              CASE WHEN k.used > 0 THEN now() - interval '1 day' END
            FROM (
              SELECT k.organisation_id, k.key_id,
                CASE WHEN k.organisation_id = '{LARGE}' THEN ({_DAILY}) * {self.today.day - 1} ELSE 0 END AS used
              FROM keymeter.api_keys AS k) AS k""")]
        tasks += [lambda month=month: self._month(cluster, month) for month in self.months]
        tasks.append(lambda: self._others(cluster))
        run_concurrently(tasks)
        self._sql(cluster, "DROP TABLE sparse")
        say("building the hash indexes")
        run_concurrently([lambda text=text: self._sql(cluster, text) for text in recreate])
        say("VACUUM ANALYZE")
        run([str(cluster.bin / "vacuumdb"), "--jobs=2", "--analyze", "--quiet", "-h", str(cluster.folder), "-U", "postgres",
             "-d", self.database], seconds=900, env=_LOADING)

    def _sql(self, cluster: Cluster, text: str) -> str:
        return cluster.sql(self.database, text, seconds=1200, env=_LOADING)

    def _drop_hash_indexes(self, cluster: Cluster) -> list[str]:
        """Drops the hash indexes, which are slow to fill row by row. Returns the statements that create them again."""
        found = self._sql(cluster, """
            SELECT
              CASE WHEN c.conname IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
                ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, c.conname) END,
              CASE WHEN c.conname IS NULL THEN pg_get_indexdef(i.indexrelid)
                ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, c.conname,
                  pg_get_constraintdef(c.oid)) END
            FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_am AS a ON a.oid = x.relam
            LEFT JOIN pg_constraint AS c ON c.conindid = x.oid AND c.contype = 'x'
            WHERE a.amname = 'hash' AND x.relnamespace = 'keymeter'::regnamespace""")
        pairs = [line.split("|") for line in found.splitlines()]
        for drop, _ in pairs:
            self._sql(cluster, drop)
        return [create for _, create in pairs]

    def _stream(self, cluster: Cluster, pepper: bytes) -> None:
        """Generates and loads the keys in two processes."""
        half = self.count // 2 // self.stride * self.stride
        parts = [range(0, half), range(half, self.count)]
        files = [self.file.with_suffix(f".part{n}") for n in range(len(parts))]
        fork = get_context("fork")
        workers = [fork.Process(target=self._stream_part, args=(cluster, pepper, part, file), daemon=True)
                   for part, file in zip(parts, files)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if any(worker.exitcode for worker in workers):
            raise Failure("the keys could not be loaded: see the lines above")
        with self.file.open("wb") as whole:
            for file in files:
                whole.write(file.read_bytes())
                file.unlink()

    def _stream_part(self, cluster: Cluster, pepper: bytes, part: range, file: Path) -> None:
        copies = [subprocess.Popen([*cluster.psql(self.database), "-c", f"COPY {table} FROM STDIN"],
                                   stdin=subprocess.PIPE, env=_LOADING) for table in (RECORDS, SECRETS)]
        batch: tuple[list[str], list[str]] = ([], [])

        def send() -> None:
            for copy, rows in zip(copies, batch):
                copy.stdin.write("".join(rows).encode())
                rows.clear()

        rng = random.Random(f"{self.count} {part.start}")
        with file.open("wb") as plaintexts:
            for number, (text, record, secret) in zip(part, self.rows(part, rng, pepper)):
                if number % self.stride == 0:
                    plaintexts.write(text + b"\n")
                batch[0].append(record)
                batch[1].append(secret)
                if len(batch[0]) == _BATCH_SIZE:
                    send()
        send()
        for copy in copies:
            copy.stdin.close()
        os._exit(1 if any([copy.wait() for copy in copies]) else 0)

    def _partitions(self, cluster: Cluster) -> None:
        """Creates the partitions, as the server does for months that it finds in the default partition."""
        days = ", ".join(f"('{LARGE}', 'none', DATE '{month}', 0, 0, 0)" for month in self.months)
        self._sql(cluster, f"INSERT INTO keymeter.usage_daily VALUES {days}")
        self._sql(cluster, "SELECT keymeter.ensure_usage_partitions(3)")
        self._sql(cluster, "DELETE FROM keymeter.usage_daily WHERE key_id = 'none'")

    def _month(self, cluster: Cluster, month: date) -> None:
        """Loads a month. The counters hold its last day, and usage_daily the days before. This month's counters exist."""
        partition = f"keymeter.usage_daily_{month:%Y_%m}"
        is_current = month == self.months[-1]
        last = self.today if is_current else next_month(month) - timedelta(days=1)
        days_before = last.day - 1
        self._sql(cluster, f"""
            INSERT INTO {partition} (organisation_id, key_id, day, requests, tokens, stt_secs)
            SELECT k.organisation_id, k.key_id, DATE '{month}' + n, k.daily, k.daily * 100, 0
            FROM (
              SELECT k.organisation_id, k.key_id, {_DAILY} AS daily FROM keymeter.api_keys AS k
              WHERE k.organisation_id = '{LARGE}' ORDER BY k.key_id OFFSET 0) AS k
            CROSS JOIN LATERAL generate_series(0, {days_before - 1}) AS n""")
        if is_current:
            return
        self._sql(cluster, f"""
            INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, used_requests, used_tokens, last_used_at,
              day, day_requests, day_tokens)
            SELECT k.organisation_id, k.key_id, '{month}', k.daily * {last.day}, k.daily * 100 * {last.day}, '{last}',
              '{last}', k.daily, k.daily * 100
            FROM (
              SELECT k.organisation_id, k.key_id, {_DAILY} AS daily FROM keymeter.api_keys AS k
              WHERE k.organisation_id = '{LARGE}' ORDER BY k.key_id OFFSET 0) AS k""")
        chosen = f"k.month = {self.months.index(month)}"
        *days, last_day = _SPARSE_DAYS
        self._sql(cluster, f"""
            INSERT INTO {partition} (organisation_id, key_id, day, requests, tokens, stt_secs)
            SELECT k.organisation_id, k.key_id, DATE '{month}' + n - 1, {_DAILY}, ({_DAILY}) * 100, 0
            FROM sparse AS k CROSS JOIN unnest(ARRAY{days}) AS n WHERE {chosen}""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, used_requests, used_tokens, last_used_at,
              day, day_requests, day_tokens)
            SELECT k.organisation_id, k.key_id, '{month}', k.daily * {len(_SPARSE_DAYS)},
              k.daily * 100 * {len(_SPARSE_DAYS)}, DATE '{month}' + {last_day - 1}, DATE '{month}' + {last_day - 1},
              k.daily, k.daily * 100
            FROM (
              SELECT k.organisation_id, k.key_id, {_DAILY} AS daily FROM sparse AS k WHERE {chosen}) AS k""")

    def _others(self, cluster: Cluster) -> None:
        """Loads the other tables, with as many rows as a busy service has."""
        count = self.profile.others
        # A tenth of the rows belong to the large organisation.
        keys = f"""(
            (SELECT k.organisation_id, k.key_id FROM keymeter.api_keys AS k WHERE k.organisation_id = '{LARGE}'
             LIMIT {min(count // 10, self.profile.large)})
            UNION ALL
            (SELECT k.organisation_id, k.key_id FROM keymeter.api_keys AS k WHERE k.organisation_id > '{LARGE}'
             LIMIT {count - count // 10})) AS k"""
        ages = "row_number() OVER () * interval '40 hours' / " + str(count)
        self._sql(cluster, f"""
            INSERT INTO keymeter.reservations (organisation_id, reservation_id, key_id, day, requests, tokens, stt_secs,
              reserved_at, expires_at, on_expiry, state, closed_at, settled_requests, settled_tokens, settled_stt_secs,
              over_limit)
            SELECT organisation_id, 'rsv_' || md5(key_id), key_id, '{self.today}', 1, 100, 0, now() - {ages},
              now() - {ages} + interval '15 minutes', 'release', 'settled', now() - {ages} + interval '1 minute', 1, 90, 0,
              false
            FROM {keys}""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.usage_events (organisation_id, event_id, key_id, requests, tokens, stt_secs, over_limit,
              recorded_at)
            SELECT organisation_id, 'event-' || md5(key_id), key_id, 1, 100, 0, false, now() - {ages} FROM {keys}""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.idempotency_keys (organisation_id, key_id, name_hash, salt, sealed_answer, expires_at)
            SELECT organisation_id, key_id, sha256(key_id::bytea), sha256(key_id::bytea),
              decode(repeat(md5(key_id), 12), 'hex'), now() + interval '24 hours' - {ages} / 2
            FROM {keys}""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.audit_log (organisation_id, audit_id, occurred_at, principal, action, target, request_id,
              changes)
            SELECT organisation_id, row_number() OVER (PARTITION BY organisation_id ORDER BY key_id), now() - {ages}, 'cli', 'key.created', key_id, 'req_' || md5(key_id),
              '{{"friendly_name": {{"new": "Bench", "old": null}}}}'
            FROM {keys}""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.audit_heads (organisation_id, last_audit_id)
            SELECT organisation_id, count(*) FROM {keys} GROUP BY 1""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.former_secrets (organisation_id, key_id, secret_hash, superseded_at)
            SELECT organisation_id, key_id, sha256(('former ' || key_id)::bytea), now() FROM {keys}""")


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def months_before(today: date) -> list[date]:
    """The current month and the twelve months before it."""
    months = [today.replace(day=1)]
    while len(months) < 13:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months


def run_concurrently(tasks: list[Callable[[], object]]) -> None:
    """Runs two tasks at a time. Raises the first error."""
    pool = ThreadPoolExecutor(2)
    try:
        for done in [pool.submit(task) for task in tasks]:
            done.result()
    finally:
        # After an error, don't wait for the running tasks. They end with the cluster.
        pool.shutdown(wait=False, cancel_futures=True)


class DiskPeak:
    """The largest size of a folder, sampled every few seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bytes = folder, 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self.folder.exists():
            self.bytes = max(self.bytes, disk_usage(self.folder))
            threading.Event().wait(5)


def disk_usage(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                pass  # It was deleted after the folder was listed.
    return total
