"""One run: load, measure, check the query plans, write the results, clean up."""

import os
import shutil
import sys
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from bench import machine, session
from bench.cases import Cases
from bench.cluster import Cluster, shared_buffers
from bench.keymeter import Keymeter
from bench.keys import KeySet
from bench.report import Exactness, write
from bench.session import say
from servers.failure import Failure
from servers.nodes import keymeter_binary
from servers.processes import Processes

from . import latency, migrations, profile, query_plans, report, verification
from .dataset import DiskPeak, LargeSet
from .exercise import Exercise


class ScaleBenchmark:
    def __init__(self, chosen: profile.Profile, folder: Path, processes: Processes) -> None:
        self.profile, self.folder, self.processes = chosen, folder, processes
        self.cluster = Cluster(folder, processes, {"shared_buffers": shared_buffers(8192)})
        self.binary, self.pepper = keymeter_binary("BENCH_BINARY"), os.urandom(32)
        # Successful requests, by database.
        self.admitted: Counter[str] = Counter()
        self.started = time.monotonic()

    def run(self) -> report.Results:
        self._require_disk_space()
        load_average = machine.load_average()
        peak = DiskPeak(self.folder)
        say("starting a cluster")
        self.cluster.start()
        about = machine.describe(self.cluster)
        # Autovacuum would distort the load time.
        self._set_autovacuum("off")
        small, empty_seconds = self._small()
        large, load_seconds = self._large()
        self._set_autovacuum("on")
        results = report.Results(
            about=about, load_average=load_average, profile=self.profile, months=large.keys.months,
            empty_seconds=empty_seconds, load_seconds=load_seconds)
        results.sizes = self._sizes(large.keys.database)
        self._measure_keys(small, large, results)
        self._measure_nodes(small, results)
        self._save(results, peak)
        self._step("measuring single requests")
        results.requests = latency.measure_requests(large, large.keys)
        latency.check_year(large, large.keys)
        results.exactness = [self._check_charges(small.keys), self._check_charges(large.keys)]
        self.processes.stop(large.process)
        self._save(results, peak)
        self._step("checking query plans")
        results.statements = self._query_plans(large)
        self._save(results, peak)
        self._step("running reports")
        results.reports = latency.measure_reports(self.cluster, large.keys, self.profile.report_timeout)
        start = time.monotonic()
        large.command("pepper", "status", seconds=600)
        results.pepper_status_seconds = time.monotonic() - start
        self._save(results, peak)
        # Frees the disk space for the databases of the migrations.
        self.cluster.sql("postgres", f"DROP DATABASE {large.keys.database}")
        for count in self.profile.migrated:
            self._step(f"migrating {count:,} keys")
            results.migrations.append(migrations.measure(self.cluster, count))
            self._save(results, peak)
        return results

    def _save(self, results: report.Results, peak: DiskPeak) -> None:
        """Writes the results so far, so that an interrupted run is not lost."""
        results.disk_peak, results.seconds = peak.bytes, time.monotonic() - self.started
        if self.profile is profile.FULL:
            write(report.tables(results), "SCALE.md")

    def _require_disk_space(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < self.profile.disk_gigabytes * 10**9:
            raise Failure(f"{self.folder.parent} has {free / 1e9:.0f} GB free, but the run needs up to "
                          f"{self.profile.disk_gigabytes} GB: set BENCH_DIR to another folder")

    def _step(self, text: str) -> None:
        say(f"{text} (after {(time.monotonic() - self.started) / 60:.1f} minutes)")

    def _set_autovacuum(self, value: str) -> None:
        self.cluster.sql("postgres", f"ALTER SYSTEM SET autovacuum = {value}")
        self.cluster.sql("postgres", "SELECT pg_reload_conf()")

    def _small(self) -> tuple[Keymeter, float]:
        """The small key set for comparison, and the seconds that it takes to migrate an empty database."""
        keys = KeySet(self.profile.small, self.folder)
        self.cluster.create(keys.database)
        server = Keymeter(self.binary, self.cluster, keys, self.pepper)
        start = time.monotonic()
        server.migrate()
        seconds = time.monotonic() - start
        keys.load(self.cluster, self.pepper)
        return server, seconds

    def _large(self) -> tuple[Keymeter, float]:
        """The large key set, and the seconds that it took to load it."""
        self._step(f"loading {self.profile.keys:,} keys and a year of usage")
        start = time.monotonic()
        keys = LargeSet(self.profile, self.folder, datetime.now(timezone.utc).date())
        self.cluster.create(keys.database)
        server = Keymeter(self.binary, self.cluster, keys, self.pepper)
        server.migrate()
        keys.load(self.cluster, self.pepper)
        # Write the loaded data to disk before anything is measured.
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

    def _measure_keys(self, small: Keymeter, large: Keymeter, results: report.Results) -> None:
        for server in (small, large):
            server.start(self.processes)
        files = {small: small.keys.repeated(self.profile.drawn), large: large.keys.file}
        ignored = verification.CommitStats()
        for server, seconds in ((small, 2), (large, self.profile.keys / 500_000)):
            verification.measure(self.cluster, [server], files[server], 64, ignored, self.admitted)(max(2, seconds))
        cases = Cases()
        for connections in self.profile.connections:
            for server in (small, large):
                name = f"{server.keys.count:,} keys"
                stats = results.commit_stats[name, connections] = verification.CommitStats()
                measure = verification.measure(
                    self.cluster, [server], files[server], connections, stats, self.admitted)
                cases.add(name, connections, measure)
        self._step("measuring verifications")
        cases.run(self.profile.rounds, self.profile.seconds)
        results.keys = cases.results()
        self.processes.stop(small.process)

    def _measure_nodes(self, small: Keymeter, results: report.Results) -> None:
        servers = [Keymeter(self.binary, self.cluster, small.keys, self.pepper) for _ in range(max(self.profile.nodes))]
        for number, server in enumerate(servers):
            server.start(self.processes, f"node{number}")
        cases = Cases()
        for connections in self.profile.nodes_connections:
            for count in self.profile.nodes:
                name = f"{count} node{'s' if count > 1 else ''}"
                stats = results.commit_stats[name, connections] = verification.CommitStats()
                measure = verification.measure(
                    self.cluster, servers[:count], small.keys.repeated(self.profile.drawn), connections, stats,
                    self.admitted)
                cases.add(name, connections, measure)
        self._step("measuring several nodes")
        cases.run(self.profile.rounds, self.profile.seconds)
        results.nodes = cases.results()
        for server in servers:
            self.processes.stop(server.process)

    def _query_plans(self, server: Keymeter) -> dict[str, query_plans.StatementPlans]:
        statements: dict[str, query_plans.StatementPlans] = {}
        problems: list[str] = []
        for number, mode in enumerate(("force_generic_plan", "force_custom_plan")):
            log = query_plans.PlanLog(self.cluster, server.keys.database)
            log.begin(mode)
            try:
                Exercise(server, server.keys, self.processes, number).run()
            except Failure as failure:
                problems.append(str(failure))
                self.processes.stop(server.process)
            log.end()
            log.read(statements)
        problems += query_plans.problems(statements)
        for problem in problems:
            say(f"  {problem}")
        if problems and os.environ.get("BENCH_KEEP_GOING", "") in ("", "0"):
            raise Failure("some statements have plans that do not scale, or were never run: see above")
        return statements

    def _check_charges(self, keys: KeySet) -> Exactness:
        charged = int(self.cluster.sql(keys.database, """
            SELECT sum(day_requests) FROM keymeter.usage_monthly WHERE day = (now() AT TIME ZONE 'UTC')::date"""))
        admitted = self.admitted[keys.database]
        if charged < admitted:
            raise Failure(f"{admitted:,} requests were admitted, but only {charged:,} charged")
        return Exactness(keys.count, admitted, charged)


def main() -> int:
    chosen = profile.selected()

    def finish(results: report.Results) -> None:
        print(report.tables(results))
        if chosen is profile.FULL:
            say("wrote Benchmarks/SCALE.md")

    return session.run(lambda folder, processes: ScaleBenchmark(chosen, folder, processes).run(), finish)


sys.exit(main())
