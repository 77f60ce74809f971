"""One run: start the servers, measure, write the results, clean up."""

import os
import sys
import time
from collections import Counter
from pathlib import Path

from servers.failure import Failure
from servers.nodes import keymeter_binary
from servers.processes import Processes

from . import machine, measurement, profile, report, session
from .cases import Cases
from .cluster import Cluster
from .keygate import Keygate
from .keymeter import Keymeter
from .keys import WIDTH, KeySet
from .process_stats import peak_memory
from .session import say

CONSTANT, VERIFY, HOT_KEY, PEER = "constant", "verify", "verify, one key", "peer"
PGBENCH, PGBENCH_HOT_KEY = "pgbench", "pgbench, one key"


class Benchmark:
    def __init__(self, chosen: profile.Profile, folder: Path, processes: Processes) -> None:
        self.profile, self.processes = chosen, processes
        self.cluster = Cluster(folder, processes)
        self.binary = keymeter_binary("BENCH_BINARY")
        self.pepper = os.urandom(32)
        # Successful requests, by database.
        self.admitted: Counter[str] = Counter()

    def run(self) -> report.Results:
        load_average = machine.load_average()
        if load_average > 0.5:
            say(f"the machine is busy (load average {load_average:.1f}), so the results mean little")
        say("starting a cluster")
        self.cluster.start()
        about = machine.describe(self.cluster)
        server = self.start_server(self.profile.keys)
        peer = Keygate(self.cluster, self.profile.keys)
        say("loading the peer")
        peer.load()
        peer.start(self.processes)
        self.warm_up(server)
        say(f"measuring side by side, {self.profile.rounds} rounds of {self.profile.seconds:g} s for each case")
        cases = self.side_by_side(server, peer)
        cases.run(self.profile.rounds, self.profile.seconds)
        memory = peak_memory(server.process.pid)
        self.processes.stop(peer.process)
        exactness = [self.check_charges(server)]
        self.processes.stop(server.process)
        growth = self.growth(exactness)
        return report.Results(
            about=about, load_average=load_average, profile=self.profile, cases=cases.results(), growth=growth,
            peak_memory=memory, exactness=exactness)

    def start_server(self, count: int) -> Keymeter:
        say(f"loading {count:,} keys")
        keys = KeySet(count, self.cluster.folder)
        self.cluster.create(keys.database)
        server = Keymeter(self.binary, self.cluster, keys, self.pepper)
        server.migrate()
        keys.load(self.cluster, self.pepper)
        server.start(self.processes)
        return server

    def warm_up(self, server: Keymeter) -> None:
        # A large set needs longer, until each page has been read, and logged in full once since the checkpoint.
        self.verify(server, server.keys.file, 64)(1 + server.keys.count // 100_000)

    def side_by_side(self, server: Keymeter, peer: Keygate) -> Cases:
        cases = Cases()
        one, keys, database = server.keys.one(), self.profile.keys, server.keys.database
        for clients in (1, self.profile.pgbench_clients):
            cases.add(PGBENCH, clients, self.pgbench(database, keys, clients))
        cases.add(PGBENCH_HOT_KEY, self.profile.pgbench_clients, self.pgbench(database, 1, self.profile.pgbench_clients))
        for connections in self.profile.connections:
            cases.add(CONSTANT, connections, self.constant(server, connections))
            cases.add(VERIFY, connections, self.verify(server, server.keys.file, connections))
            cases.add(HOT_KEY, connections, self.verify(server, one, connections))
            cases.add(PEER, connections, lambda seconds, connections=connections: measurement.wrk(
                self.cluster, [(peer.process.pid, peer.url)], peer.file, peer.width, connections, seconds))
        return cases

    def growth(self, exactness: list[report.Exactness]) -> dict[tuple[str, int], measurement.Summary]:
        """Measures the same requests with more and more keys."""
        servers = [self.start_server(count) for count in self.profile.growth]
        # One file size for all sets, because reading keys from 47 MB costs the client more than from 47 kB.
        lines = max(self.profile.growth)
        cases = Cases()
        self.cluster.sql("postgres", "CHECKPOINT")
        for server in servers:
            self.warm_up(server)
        for connections in self.profile.growth_connections:
            for server in servers:
                measure = self.verify(server, server.keys.repeated(lines), connections)
                cases.add(f"{server.keys.count:,} keys", connections, measure)
        say("measuring growth")
        cases.run(self.profile.rounds, self.profile.seconds)
        exactness.extend(self.check_charges(server) for server in servers)
        return cases.results()

    def constant(self, server: Keymeter, connections: int):
        # The client sends the same keys, so that only the server's work differs.
        url = server.url + "/health/live"
        return lambda seconds: measurement.wrk(
            self.cluster, [(server.process.pid, url)], server.keys.file, WIDTH, connections, seconds)

    def verify(self, server: Keymeter, keys: Path, connections: int):
        def measure(seconds: float) -> measurement.Sample:
            sample = measurement.wrk(
                self.cluster, [(server.process.pid, server.url + "/api/v1/verify")], keys, WIDTH, connections, seconds)
            self.admitted[server.keys.database] += sample.requests
            return sample
        return measure

    def pgbench(self, database: str, keys: int, clients: int):
        def measure(seconds: float) -> measurement.Sample:
            sample = measurement.pgbench(self.cluster, database, keys, clients, seconds)
            self.admitted[database] += sample.requests
            return sample
        return measure

    def check_charges(self, server: Keymeter) -> report.Exactness:
        """Every success must be charged. There may be more charges, because a client stops without reading all responses."""
        charged, admitted = server.keys.used(self.cluster), self.admitted[server.keys.database]
        if charged < admitted:
            raise Failure(f"{admitted:,} requests were admitted, but only {charged:,} charged")
        return report.Exactness(server.keys.count, admitted, charged)


def main() -> int:
    start = time.monotonic()

    def finish(results: report.Results) -> None:
        results.seconds = time.monotonic() - start
        text = report.tables(results)
        print(text)
        if results.profile is profile.FULL:
            report.write(text)
            say("wrote Benchmarks/RESULTS.md")

    return session.run(lambda folder, processes: Benchmark(profile.selected(), folder, processes).run(), finish)


sys.exit(main())
