"""The run: build the scene, measure, write down, and leave nothing behind."""

import os
import sys
import time
from pathlib import Path

from . import load, machine, plan, report, session
from .cluster import Cluster
from .keys import WIDTH, KeySet
from .processes import BenchError, Processes, peak_memory
from .servers import Keygate, Keymeter, binary
from .session import say

CONSTANT, VERIFY, HOT, PEER = "constant", "verify", "verify, one key", "peer"
ONE_EACH, ONE_EACH_HOT = "pgbench", "pgbench, one key"


class Run:
    def __init__(self, chosen: plan.Plan, folder: Path, processes: Processes) -> None:
        self.plan, self.processes = chosen, processes
        self.cluster = Cluster(folder, processes)
        self.binary = binary()
        self.pepper = os.urandom(32)
        self.answered: dict[str, int] = {}

    def measure(self) -> report.Results:
        busy = machine.load_average()
        if busy > 0.5:
            say(f"the machine is busy (load {busy:.1f}): the numbers will tell little")
        say("starting a cluster")
        self.cluster.start()
        about = machine.describe(self.cluster)
        server = self.serve(self.plan.keys)
        peer = Keygate(self.cluster, self.plan.keys)
        say("loading the peer")
        peer.load()
        peer.start(self.processes)
        self.warm_up(server)
        say(f"measuring side by side, {self.plan.rounds} rounds of {self.plan.seconds:g} s each")
        parts = self.side_by_side(server, peer)
        parts.run(self.plan.rounds, self.plan.seconds)
        memory = {VERIFY: peak_memory(server.process.pid), PEER: peak_memory(peer.process.pid)}
        self.processes.stop(peer.process)
        exact = [self.check(server)]
        self.processes.stop(server.process)
        growth = self.grow(exact)
        return report.Results(
            about=about, busy=busy, plan=self.plan, parts=parts.results(), growth=growth, memory=memory, exact=exact)

    def serve(self, count: int) -> Keymeter:
        say(f"loading {count:,} keys")
        keys = KeySet(count, self.cluster.folder)
        self.cluster.create(keys.database)
        server = Keymeter(self.binary, self.cluster, keys, self.pepper)
        server.migrate()
        keys.load(self.cluster, self.pepper)
        server.start(self.processes)
        return server

    def warm_up(self, server: Keymeter) -> None:
        # Of a large set only after a while every page has been touched, and logged whole, since the checkpoint.
        self.verify(server, server.keys.file, 64)(1 + server.keys.count // 100_000)

    def side_by_side(self, server: Keymeter, peer: Keygate) -> plan.Parts:
        parts = plan.Parts()
        one, keys, database = server.keys.one(), self.plan.keys, server.keys.database
        for clients in (1, self.plan.pgbench_clients):
            parts.add(ONE_EACH, clients, self.charge(database, keys, clients))
        parts.add(ONE_EACH_HOT, self.plan.pgbench_clients, self.charge(database, 1, self.plan.pgbench_clients))
        for connections in self.plan.connections:
            parts.add(CONSTANT, connections, self.constant(server, connections))
            parts.add(VERIFY, connections, self.verify(server, server.keys.file, connections))
            parts.add(HOT, connections, self.verify(server, one, connections))
            parts.add(PEER, connections, lambda seconds, connections=connections: load.http(
                self.cluster, [(peer.process.pid, peer.url)], peer.file, peer.width, connections, seconds))
        return parts

    def grow(self, exact: list[report.Exactness]) -> dict:
        servers = [self.serve(count) for count in self.plan.growth]
        # Drawing keys from 47 MB costs the client more than from 47 kB, and is not what is compared.
        lines = max(self.plan.growth)
        parts = plan.Parts()
        self.cluster.sql("postgres", "CHECKPOINT")
        for server in servers:
            self.warm_up(server)
        for connections in self.plan.growth_connections:
            for server in servers:
                measure = self.verify(server, server.keys.repeated(lines), connections)
                parts.add(f"{server.keys.count:,} keys", connections, measure)
        say("measuring growth")
        parts.run(self.plan.rounds, self.plan.seconds)
        exact.extend(self.check(server) for server in servers)
        return parts.results()

    def constant(self, server: Keymeter, connections: int):
        # The same client, sending the same keys: what differs is what the server does.
        url = server.url + "/health/live"
        return lambda seconds: load.http(
            self.cluster, [(server.process.pid, url)], server.keys.file, WIDTH, connections, seconds)

    def verify(self, server: Keymeter, keys: Path, connections: int):
        def measure(seconds: float) -> load.Sample:
            sample = load.http(
                self.cluster, [(server.process.pid, server.url + "/api/v1/verify")], keys, WIDTH, connections, seconds)
            self.count(server.keys.database, sample.requests)
            return sample
        return measure

    def charge(self, database: str, keys: int, clients: int):
        def measure(seconds: float) -> load.Sample:
            sample = load.pgbench(self.cluster, database, keys, clients, seconds)
            self.count(database, sample.requests)
            return sample
        return measure

    def count(self, database: str, requests: int) -> None:
        self.answered[database] = self.answered.get(database, 0) + requests

    def check(self, server: Keymeter) -> report.Exactness:
        """No answer without a charge. The other way round a client that stops may leave some answers unread."""
        charged, answered = server.keys.used(self.cluster), self.answered[server.keys.database]
        if charged < answered:
            raise BenchError(f"{answered:,} requests were admitted, and only {charged:,} were charged")
        return report.Exactness(server.keys.count, answered, charged)


def main() -> int:
    start = time.monotonic()

    def finish(results: report.Results) -> None:
        results.seconds = time.monotonic() - start
        text = report.tables(results)
        print(text)
        if results.plan is plan.FULL:
            report.write(text)
            say("wrote Benchmarks/RESULTS.md")

    return session.run(lambda folder, processes: Run(plan.chosen(), folder, processes).measure(), finish)


sys.exit(main())
