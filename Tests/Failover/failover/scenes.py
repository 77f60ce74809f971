"""What is done to the servers, and what must hold."""

import os
import time
from pathlib import Path

from servers.failure import Failure
from servers.nodes import Node, Nodes, binary
from servers.postgres import OWNER, SERVER
from servers.processes import Processes, eventually

from . import ledger
from .balancer import Balancer
from .clients import Load, make_keys
from .pooler import Pooler
from .replicas import Replicas
from .store import Store

# Patroni's ttl, a loop, promotion, a check of each balancer, and reconnecting, on a machine that does other things too.
LONGEST_OUTAGE = 25.0


class Scene:
    """Two nodes behind a balancer, on a replicated PostgreSQL."""

    def __init__(self, folder: Path, processes: Processes, *, pooled: bool) -> None:
        self.processes = processes
        self.replicas = Replicas(folder, processes, Store(folder, processes))
        self.shared = Nodes(
            folder, processes, binary("FAILOVER_BINARY"),
            KEYMETER_DRAIN_SECONDS=os.environ.get("FAILOVER_DRAIN", "3"))
        self.shared.migrate(self.replicas.url(OWNER))
        self.replicas.add_server_login()
        self.root = self.shared.organisation(self.replicas.url(OWNER))
        settings = {}
        self.url = self.replicas.url(SERVER)
        if pooled:
            self.url = Pooler(folder, processes, self.replicas).url(SERVER)
            settings = {"KEYMETER_PREPARED_STATEMENTS": "off"}
        self.nodes = [Node(self.shared, f"node{number}", self.url, **settings).start() for number in (1, 2)]
        self.balancer = Balancer("balancer", folder, processes, self.nodes)

    def load(self, **more) -> Load:
        keys, reporter = make_keys(self.nodes[0], self.root)
        return Load(self.balancer.port, keys, reporter, **more)


def lose_leader(scene: Scene) -> str:
    """PostgreSQL's leader is killed under load. Nodes go on by themselves, and nothing that was answered is lost."""
    ids = [node.process.pid for node in scene.nodes]
    with scene.load() as load:
        eventually("the load to be under way", lambda: load.admitted > 500)
        before, killed = load.admitted, time.monotonic()
        scene.replicas.lose_leader()
        eventually("nodes to serve again", lambda: all(node.is_ready for node in scene.nodes))
        served = load.admitted
        eventually("clients to be served again", lambda: load.admitted > served + 500)
    if [node.process.pid for node in scene.nodes] != ids or not all(node.is_running for node in scene.nodes):
        raise Failure("a node did not survive")
    seconds = ledger.outage(load, killed)
    if not 0.5 < seconds < LONGEST_OUTAGE:
        raise Failure(f"nobody was admitted for {seconds:.1f} s; at most {LONGEST_OUTAGE:g} s are allowed")
    told = ledger.check(load, scene.replicas.leader)
    return f"outage {seconds:.1f} s ({before} admitted before it); {told}"


def lose_node(scene: Scene) -> str:
    """A node is killed under load, and again: what it had may be lost in doubt, and goes to no other node."""
    node, kills = scene.nodes[0], 3
    with scene.load() as load:
        for _ in range(kills):
            served = load.admitted
            eventually("the load to be under way", lambda served=served: load.admitted > served + 200)
            node.kill()
            time.sleep(1)
            node.start()
    # Reports are repeated at once, and may be told for a moment that the first is not done.
    failures = ledger.failures(load.noted)
    if sum(failures.values()) > kills * load.verifiers:
        raise Failure(f"more requests failed than were under way (status: count): {failures}")
    told = ledger.check(load, scene.replicas.leader)
    return f"{kills} kills, {sum(failures.values())} verifications failed; {told}"


def lend_sessions(scene: Scene) -> str:
    """With prepared statements behind a pooler that doesn't keep them: refusals, and never another statement's effect."""
    node = Node(scene.shared, "prepared", scene.url, KEYMETER_PREPARED_STATEMENTS="on").start()
    keys, reporter = make_keys(scene.nodes[0], scene.root)
    with Load(node.port, keys, reporter) as load:
        time.sleep(5)
    node.stop()
    refused = ledger.failures(ledger.all_of(load))
    if set(refused) - {503}:
        raise Failure(f"requests failed other than by 503 (status: count): {refused}")
    if "set KEYMETER_PREPARED_STATEMENTS=off" not in node.log.read_text():
        raise Failure("the node did not warn of the pooler")
    told = ledger.check(load, scene.replicas.leader)
    return f"{refused.get(503, 0)} refusals, a warning; {told}"


def roll(scene: Scene) -> str:
    """Nodes are replaced one after the other under load, and no client notices."""
    # Without pauses: it is the requests that cross a connection's end which are lost.
    with scene.load(pause=0, verifiers=12) as load:
        eventually("the load to be under way", lambda: load.admitted > 200)
        for node in scene.nodes * 2:
            node.stop()
            node.start()
            time.sleep(2)  # until the balancer knows
    if failures := ledger.failures(ledger.all_of(load)):
        raise Failure(f"requests failed (status: count): {failures}")
    told = ledger.check(load, scene.replicas.leader)
    return f"{2 * len(scene.nodes)} restarts, no request failed; {told}"
