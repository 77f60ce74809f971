"""Millions of keys and a year of usage, loaded in minutes."""

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
from bench.processes import BenchError, run
from bench.session import say

from .plan import Plan

# Indexes are built at once, and in memory.
_LOADING = UNCHECKED | {
    "PGOPTIONS": UNCHECKED["PGOPTIONS"] + " -c maintenance_work_mem=1GB -c work_mem=256MB"}
_LINES_AT_ONCE = 2_000
LARGE = "org_" + "0" * 24
# A key's usage on each of its days: so many requests, and a hundred times as many tokens.
_DAILY = "1 + abs(hashtext(k.key_id) % 50)"
# One key in ten of the other organisations was used on three days of one month of the year, which its hash chooses.
_SPARSE_DAYS = (5, 12, 20)


class LargeSet(KeySet):
    """One organisation with very many keys, all used on each day of a year, and very many with a hundred."""

    def __init__(self, plan: Plan, folder: Path, today: date) -> None:
        super().__init__(plan.keys, folder)
        self.plan, self.today = plan, today
        self.months = months_before(today)
        self.stride = plan.keys // plan.drawn

    def organisation(self, number: int) -> int:
        return 0 if number < self.plan.large else 1 + (number - self.plan.large) // KEYS_PER_ORGANISATION

    def is_root(self, number: int) -> bool:
        return number == 0 or (number >= self.plan.large and (number - self.plan.large) % KEYS_PER_ORGANISATION == 0)

    def key(self, number: int) -> str:
        """The plaintext of a key that is in the client's file."""
        with self.file.open("rb") as lines:
            lines.seek(number // self.stride * (WIDTH + 1))
            return lines.read(WIDTH).decode()

    def load(self, cluster: Cluster, pepper: bytes) -> None:
        say("loading organisations and keys")
        self._organisations(cluster)
        suspended = self._suspend_hash_indexes(cluster)
        self._stream(cluster, pepper)
        say("loading counters and days")
        self._partitions(cluster)
        self._sql(cluster, f"""
            CREATE UNLOGGED TABLE sparse AS
            SELECT k.organisation_id, k.key_id, abs(hashtext(k.key_id) / 10) % 12 AS month FROM keymeter.api_keys AS k
            WHERE k.organisation_id > '{LARGE}' AND hashtext(k.key_id) % 10 = 0""")
        # Each key's first charge of the month, and of the day, is not what is measured.
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
        together(tasks)
        self._sql(cluster, "DROP TABLE sparse")
        say("building the hash indexes")
        together([lambda text=text: self._sql(cluster, text) for text in suspended])
        say("VACUUM ANALYZE")
        run([str(cluster.bin / "vacuumdb"), "--jobs=2", "--analyze", "--quiet", "-h", str(cluster.folder), "-U", "postgres",
             "-d", self.database], seconds=900, env=_LOADING)

    def _sql(self, cluster: Cluster, text: str) -> str:
        return cluster.sql(self.database, text, seconds=1200, env=_LOADING)

    def _suspend_hash_indexes(self, cluster: Cluster) -> list[str]:
        """Drops the indexes whose entries have no order, and answers what makes them again, all at once."""
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
        return [make for _, make in pairs]

    def _stream(self, cluster: Cluster, pepper: bytes) -> None:
        """Two processes, each with half of the keys, straight into two tables."""
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
            raise BenchError("the keys could not be loaded; the lines above say why")
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

        seeded = random.Random(f"{self.count} {part.start}")
        with file.open("wb") as plain:
            for number, (text, record, secret) in zip(part, self.rows(part, seeded, pepper)):
                if number % self.stride == 0:
                    plain.write(text + b"\n")
                batch[0].append(record)
                batch[1].append(secret)
                if len(batch[0]) == _LINES_AT_ONCE:
                    send()
        send()
        for copy in copies:
            copy.stdin.close()
        os._exit(1 if any([copy.wait() for copy in copies]) else 0)

    def _partitions(self, cluster: Cluster) -> None:
        """As the server makes a month that it finds in the default partition."""
        days = ", ".join(f"('{LARGE}', 'none', DATE '{month}', 0, 0, 0)" for month in self.months)
        self._sql(cluster, f"INSERT INTO keymeter.usage_daily VALUES {days}")
        self._sql(cluster, "SELECT keymeter.ensure_usage_partitions(3)")
        self._sql(cluster, "DELETE FROM keymeter.usage_daily WHERE key_id = 'none'")

    def _month(self, cluster: Cluster, month: date) -> None:
        """A month's days, and its counters, each of which holds the month's last day; the present one has its counters."""
        partition = f"keymeter.usage_daily_{month:%Y_%m}"
        is_present = month == self.months[-1]
        last = self.today if is_present else next_month(month) - timedelta(days=1)
        filed = last.day - 1
        self._sql(cluster, f"""
            INSERT INTO {partition} (organisation_id, key_id, day, requests, tokens, stt_secs)
            SELECT k.organisation_id, k.key_id, DATE '{month}' + n, k.daily, k.daily * 100, 0
            FROM (
              SELECT k.organisation_id, k.key_id, {_DAILY} AS daily FROM keymeter.api_keys AS k
              WHERE k.organisation_id = '{LARGE}' ORDER BY k.key_id OFFSET 0) AS k
            CROSS JOIN LATERAL generate_series(0, {filed - 1}) AS n""")
        if is_present:
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
        """As many rows of everything else as the sweepers, and who reads the audit log, walk over in a busy service."""
        count = self.plan.others
        # A tenth of them is of the large organisation.
        keys = f"""(
            (SELECT k.organisation_id, k.key_id FROM keymeter.api_keys AS k WHERE k.organisation_id = '{LARGE}'
             LIMIT {min(count // 10, self.plan.large)})
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
            INSERT INTO keymeter.audit_log (organisation_id, occurred_at, principal, action, target, request_id, changes)
            SELECT organisation_id, now() - {ages}, 'cli', 'key.created', key_id, 'req_' || md5(key_id),
              '{{"friendly_name": {{"new": "Bench", "old": null}}}}'
            FROM {keys}""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.audit_heads (organisation_id, last_occurred_at)
            SELECT DISTINCT organisation_id, now() FROM {keys}""")
        self._sql(cluster, f"""
            INSERT INTO keymeter.former_secrets (organisation_id, key_id, secret_hash, superseded_at)
            SELECT organisation_id, key_id, sha256(('former ' || key_id)::bytea), now() FROM {keys}""")


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def months_before(today: date) -> list[date]:
    """The twelve whole months before, and the present one."""
    months = [today.replace(day=1)]
    while len(months) < 13:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months


def together(tasks: list[Callable[[], object]]) -> None:
    """Two at a time; the first that fails fails all."""
    pool = ThreadPoolExecutor(2)
    try:
        for done in [pool.submit(task) for task in tasks]:
            done.result()
    finally:
        # Nobody waits for what runs on after a failure: it ends with the cluster.
        pool.shutdown(wait=False, cancel_futures=True)


class Peak:
    """The most disk that the folder has held, looked at every few seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bytes = folder, 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self.folder.exists():
            self.bytes = max(self.bytes, held_by(self.folder))
            threading.Event().wait(5)


def held_by(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                pass  # Gone since the folder was read.
    return total
