"""The run: load, measure, look at the plans, write down, and leave nothing behind."""

import os
import shutil
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from bench import machine, session
from bench.cluster import Cluster, shared_buffers
from bench.keys import KeySet
from bench.plan import Parts
from bench.processes import BenchError, Processes
from bench.report import write
from bench.servers import Keymeter, binary
from bench.session import say

from . import migrations, nodes, plan, plans, questions, report
from .dataset import LargeSet, Peak
from .drive import Pass


class Run:
    def __init__(self, chosen: plan.Plan, folder: Path, processes: Processes) -> None:
        self.plan, self.folder, self.processes = chosen, folder, processes
        self.cluster = Cluster(folder, processes, {"shared_buffers": shared_buffers(8192)})
        self.binary, self.pepper = binary(), os.urandom(32)
        self.answered: dict[str, int] = {}
        self.started = time.monotonic()

    def measure(self) -> report.Results:
        self._require_disk()
        busy = machine.load_average()
        peak = Peak(self.folder)
        say("starting a cluster")
        self.cluster.start()
        about = machine.describe(self.cluster)
        # Nothing that comes by itself takes part in the loading.
        self._autovacuum("off")
        small, empty = self._small()
        large, loaded = self._large()
        self._autovacuum("on")
        results = report.Results(
            about=about, busy=busy, plan=self.plan, months=large.keys.months, empty=empty, loaded=loaded)
        results.sizes = self._sizes(large.keys.database)
        self._verify(small, large, results)
        self._nodes(small, results)
        self._save(results, peak)
        self._step("asking over HTTP")
        results.questions = questions.over_http(large, large.keys)
        questions.check_year(large, large.keys)
        results.exact = [self._check(small.keys), self._check(large.keys)]
        self.processes.stop(large.process)
        self._save(results, peak)
        self._step("reading plans")
        results.verdicts = self._plans(large)
        self._save(results, peak)
        self._step("running reports")
        results.reports = questions.reports(self.cluster, large.keys, self.plan.patience)
        start = time.monotonic()
        large.command("pepper", "status", seconds=600)
        results.pepper_status = time.monotonic() - start
        self._save(results, peak)
        # The room that it takes is another one's.
        self.cluster.sql("postgres", f"DROP DATABASE {large.keys.database}")
        for count in self.plan.migrated:
            self._step(f"migrating {count:,} keys")
            results.migrated.append(migrations.measure(self.cluster, count))
            self._save(results, peak)
        return results

    def _save(self, results: report.Results, peak: Peak) -> None:
        """What there is by now, so that a run which is interrupted late was not for nothing."""
        results.peak, results.seconds = peak.bytes, time.monotonic() - self.started
        if self.plan is plan.FULL:
            write(report.tables(results), "SCALE.md")

    def _require_disk(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < self.plan.disk_gigabytes * 10**9:
            raise BenchError(f"{self.folder.parent} has {free / 1e9:.0f} GB free, and this takes up to "
                             f"{self.plan.disk_gigabytes} GB: name another folder with BENCH_DIR")

    def _step(self, what: str) -> None:
        say(f"{what} ({(time.monotonic() - self.started) / 60:.1f} minutes so far)")

    def _autovacuum(self, value: str) -> None:
        self.cluster.sql("postgres", f"ALTER SYSTEM SET autovacuum = {value}")
        self.cluster.sql("postgres", "SELECT pg_reload_conf()")

    def _small(self) -> tuple[Keymeter, float]:
        """The set to compare with, and how long an empty database takes to be migrated."""
        keys = KeySet(self.plan.few, self.folder)
        self.cluster.create(keys.database)
        server = Keymeter(self.binary, self.cluster, keys, self.pepper)
        start = time.monotonic()
        server.migrate()
        empty = time.monotonic() - start
        keys.load(self.cluster, self.pepper)
        return server, empty

    def _large(self) -> tuple[Keymeter, float]:
        self._step(f"loading {self.plan.keys:,} keys and a year of usage")
        start = time.monotonic()
        keys = LargeSet(self.plan, self.folder, datetime.now(timezone.utc).date())
        self.cluster.create(keys.database)
        server = Keymeter(self.binary, self.cluster, keys, self.pepper)
        server.migrate()
        keys.load(self.cluster, self.pepper)
        # What was loaded is on the disk before anything is measured.
        self.cluster.sql("postgres", "CHECKPOINT", seconds=600)
        self._step("loaded")
        return server, time.monotonic() - start

    def _sizes(self, database: str) -> list[report.Size]:
        lines = self.cluster.sql(database, """
            SELECT regexp_replace(c.relname, '_[0-9]{4}_[0-9]{2}$', ''), sum(c.reltuples)::bigint,
              sum(pg_relation_size(c.oid)), sum(pg_indexes_size(c.oid)), sum(pg_total_relation_size(c.oid))
            FROM pg_class AS c
            WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind = 'r' AND c.reltuples >= 1000
            GROUP BY 1 ORDER BY 5 DESC""").splitlines()
        return [report.Size(name, *map(int, numbers)) for name, *numbers in (line.split("|") for line in lines)]

    def _verify(self, small: Keymeter, large: Keymeter, results: report.Results) -> None:
        for server in (small, large):
            server.start(self.processes)
        files = {small: small.keys.repeated(self.plan.drawn), large: large.keys.file}
        warm_up = nodes.Toll()
        for server, seconds in ((small, 2), (large, self.plan.keys / 500_000)):
            nodes.verify(self.cluster, [server], files[server], 64, warm_up, self._count)(max(2, seconds))
        parts = Parts()
        for connections in self.plan.connections:
            for server in (small, large):
                name = f"{server.keys.count:,} keys"
                toll = results.tolls[name, connections] = nodes.Toll()
                measure = nodes.verify(self.cluster, [server], files[server], connections, toll, self._count)
                parts.add(name, connections, measure)
        self._step("measuring verifications")
        parts.run(self.plan.rounds, self.plan.seconds)
        results.verify = parts.results()
        self.processes.stop(small.process)

    def _nodes(self, small: Keymeter, results: report.Results) -> None:
        servers = [Keymeter(self.binary, self.cluster, small.keys, self.pepper) for _ in range(max(self.plan.nodes))]
        for number, server in enumerate(servers):
            server.start(self.processes, f"node{number}")
        parts = Parts()
        for connections in self.plan.nodes_connections:
            for count in self.plan.nodes:
                name = f"{count} node{'s' if count > 1 else ''}"
                toll = results.tolls[name, connections] = nodes.Toll()
                measure = nodes.verify(
                    self.cluster, servers[:count], small.keys.repeated(self.plan.drawn), connections, toll, self._count)
                parts.add(name, connections, measure)
        self._step("measuring several nodes")
        parts.run(self.plan.rounds, self.plan.seconds)
        results.nodes = parts.results()
        for server in servers:
            self.processes.stop(server.process)

    def _plans(self, server: Keymeter) -> dict[str, plans.Verdict]:
        verdicts: dict[str, plans.Verdict] = {}
        wrong: list[str] = []
        for number, mode in enumerate(("force_generic_plan", "force_custom_plan")):
            log = plans.PlanLog(self.cluster, server.keys.database)
            log.begin(mode)
            try:
                Pass(server, server.keys, self.processes, number).run()
            except BenchError as error:
                wrong.append(str(error))
                self.processes.stop(server.process)
            log.end()
            log.read(verdicts)
        wrong += plans.faults(verdicts)
        for fault in wrong:
            say(f"  {fault}")
        if wrong and os.environ.get("BENCH_KEEP_GOING", "") in ("", "0"):
            raise BenchError("statements that read what they need not, or were never run: see above")
        return verdicts

    def _count(self, database: str, requests: int) -> None:
        self.answered[database] = self.answered.get(database, 0) + requests

    def _check(self, keys: KeySet) -> str:
        charged = int(self.cluster.sql(keys.database, """
            SELECT sum(day_requests) FROM keymeter.usage_monthly WHERE day = (now() AT TIME ZONE 'UTC')::date"""))
        answered = self.answered[keys.database]
        if charged < answered:
            raise BenchError(f"{answered:,} requests were admitted, and only {charged:,} were charged")
        return (f"Of {keys.count:,} keys, {answered:,} requests were answered with success and {charged:,} are in the "
                "counters; the rest were under way when a client stopped.")


def main() -> int:
    chosen = plan.chosen()

    def finish(results: report.Results) -> None:
        print(report.tables(results))
        if chosen is plan.FULL:
            say("wrote Benchmarks/SCALE.md")

    return session.run(lambda folder, processes: Run(chosen, folder, processes).measure(), finish)


sys.exit(main())
