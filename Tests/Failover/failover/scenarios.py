"""The failures, and what must hold during and after each."""

import os
import time
from pathlib import Path

from servers.failure import Failure
from servers.nodes import Deployment, Node, keymeter_binary
from servers.postgres import OWNER, SERVER
from servers.processes import Processes, wait_until

from . import invariants
from .balancer import Balancer
from .clients import Load, create_keys
from .etcd import Etcd
from .pooler import Pooler
from .replicas import Replicas

# Patroni's ttl, one loop, the promotion, one health check of each HAProxy, and the reconnect, on a busy machine.
LONGEST_OUTAGE = 25.0


class Testbed:
    """Two nodes behind a load balancer, on a replicated PostgreSQL."""

    def __init__(self, folder: Path, processes: Processes, *, pooled: bool) -> None:
        self.replicas = Replicas(folder, processes, Etcd(folder, processes))
        self.deployment = Deployment(
            folder, processes, keymeter_binary("FAILOVER_BINARY"),
            KEYMETER_DRAIN_SECONDS=os.environ.get("FAILOVER_DRAIN", "3"))
        self.deployment.migrate(self.replicas.url(OWNER))
        self.replicas.create_server_login()
        self.root = self.deployment.create_organisation(self.replicas.url(OWNER))
        settings = {}
        self.url = self.replicas.url(SERVER)
        if pooled:
            self.url = Pooler(folder, processes, self.replicas).url(SERVER)
            settings = {"KEYMETER_PREPARED_STATEMENTS": "off"}
        self.nodes = [Node(self.deployment, f"node{number}", self.url, **settings).start() for number in (1, 2)]
        self.balancer = Balancer(folder, processes, self.nodes)

    def load(self, **options) -> Load:
        keys, reporting_key = create_keys(self.nodes[0], self.root)
        return Load(self.balancer.port, keys, reporting_key, **options)


def lose_leader(testbed: Testbed) -> str:
    """PostgreSQL's leader is killed under load. The nodes recover by themselves, and no acknowledged charge is lost."""
    pids = [node.process.pid for node in testbed.nodes]
    with testbed.load() as load:
        wait_until("the load is running", lambda: load.admitted > 500)
        before, killed = load.admitted, time.monotonic()
        testbed.replicas.lose_leader()
        wait_until("the nodes are ready again", lambda: all(node.is_ready for node in testbed.nodes))
        served = load.admitted
        wait_until("clients are served again", lambda: load.admitted > served + 500)
    if [node.process.pid for node in testbed.nodes] != pids or not all(node.is_running for node in testbed.nodes):
        raise Failure("a node did not survive the failover")
    seconds = invariants.outage(load, killed)
    if not 0.5 < seconds < LONGEST_OUTAGE:
        raise Failure(f"no request succeeded for {seconds:.1f} s; the limit is {LONGEST_OUTAGE:g} s")
    summary = invariants.check(load, testbed.replicas.leader)
    return f"outage {seconds:.1f} s ({before} admitted before it); {summary}"


def lose_node(testbed: Testbed) -> str:
    """A node is killed three times under load. Only the requests in flight on it fail; none is resent to the other node."""
    node, kills = testbed.nodes[0], 3
    with testbed.load() as load:
        for _ in range(kills):
            served = load.admitted
            wait_until("the load is running", lambda served=served: load.admitted > served + 200)
            node.kill()
            time.sleep(1)
            node.start()
    # Report attempts don't count: an immediate retry may get a 409 while the first attempt is still in flight.
    failures = invariants.failures(load.verifications)
    if failures.total() > kills * load.verifiers:
        raise Failure(f"more requests failed than were in flight (status: count): {dict(failures)}")
    summary = invariants.check(load, testbed.replicas.leader)
    return f"{kills} kills, {failures.total()} verifications failed; {summary}"


def prepared_statements_behind_pooler(testbed: Testbed) -> str:
    """PgBouncer loses prepared statements: requests fail with 503, but never run another client's statement."""
    node = Node(testbed.deployment, "prepared", testbed.url, KEYMETER_PREPARED_STATEMENTS="on").start()
    keys, reporting_key = create_keys(testbed.nodes[0], testbed.root)
    with Load(node.port, keys, reporting_key) as load:
        time.sleep(5)
    node.stop()
    failures = invariants.failures(load.all_records)
    if set(failures) - {503}:
        raise Failure(f"requests failed with other statuses than 503 (status: count): {dict(failures)}")
    if "KEYMETER_PREPARED_STATEMENTS=off" not in node.log.read_text():
        raise Failure("the node did not warn about the pooler")
    summary = invariants.check(load, testbed.replicas.leader)
    return f"{failures[503]} requests failed with 503, the node warned; {summary}"


def rolling_restart(testbed: Testbed) -> str:
    """Nodes restart one after another under load, and no request fails."""
    # Without pauses, because the requests at risk are those that arrive while a connection is being closed.
    with testbed.load(pause=0, verifiers=12) as load:
        wait_until("the load is running", lambda: load.admitted > 200)
        for node in testbed.nodes * 2:
            node.stop()
            node.start()
            time.sleep(2)  # until the balancer's health check has seen it
    if failures := invariants.failures(load.all_records):
        raise Failure(f"requests failed (status: count): {dict(failures)}")
    summary = invariants.check(load, testbed.replicas.leader)
    return f"{2 * len(testbed.nodes)} restarts, no request failed; {summary}"
