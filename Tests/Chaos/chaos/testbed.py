"""The servers, the clients that put them under load, and the fault injector."""

import heapq
import threading
import time
from pathlib import Path

from servers.failure import require
from servers.nodes import Deployment, Node, keymeter_binary
from servers.processes import Processes, wait_until

from . import database_state
from .client import RETRY_SECONDS, Client
from .database import Database
from .disk import Disk
from .faults import FaultInjector, Steps
from .journal import Journal
from .keys import Key, KeyPool
from .manager import PROVIDER, Manager
from .proxy_control import ProxyControl
from .reporter import Reporter, Reserver
from .schedule import Fault
from .verifier import Verifier
from .witness import Witness

NODES = 3
VERIFIERS, MANAGERS, WITNESSES, REPORTERS, RESERVERS = 8, 3, 2, 2, 2
# Keys that never change: without limits, and with limits that are reached early, late or hardly ever.
FIXED_KEYS = (
    {}, {}, {"usageLimit": 300}, {"usageLimit": 3_000}, {"usageLimit": 20_000}, {"monthlyTokenLimit": 1_500},
    {"usageLimit": 6_000, "monthlyTokenLimit": 4_000})
# Within this many seconds of the last fault all nodes must be ready.
RECOVERY_LIMIT = 20.0


class Testbed:
    def __init__(self, folder: Path, disk: Disk, processes: Processes, seed: int) -> None:
        self.journal, self.stopping = Journal(), threading.Event()
        # How long after the last fault all nodes were ready.
        self.recovery_seconds = 0.0
        self.database = Database(folder, disk, processes)
        self.proxy = ProxyControl(self.database.port, NODES, folder, processes)
        self.deployment = Deployment(folder, processes, keymeter_binary("CHAOS_BINARY"))
        self.deployment.migrate(self.database.owner_url)
        self.database.create_server_login()
        root = self.deployment.create_organisation(self.database.owner_url)
        self.nodes = [
            Node(self.deployment, f"node{number}", self.database.server_url(port))
            for number, port in enumerate(self.proxy.ports, start=1)]
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            wait_until(f"{node.name} is ready", lambda node=node: node.is_ready)
        self.injector = FaultInjector(self.nodes, self.database, disk, self.proxy, self.journal.freezes)
        self.clients = self._create_clients(seed, root)

    def _create_clients(self, seed: int, root: str) -> list[Client]:
        def client(name: str) -> tuple:
            return name, seed, self.nodes, self.journal, self.stopping
        # The fixed keys come from a manager with a separate pool, so that no other manager changes them.
        setup, pool = Manager(*client("setup"), root=root, pool=KeyPool()), KeyPool()

        def create(**limits: int) -> Key:
            key = setup.create(**limits)
            require(key is not None, "a key could not be created")
            return key
        fixed = [create(**limits) for limits in FIXED_KEYS]
        reserved = [create(usageLimit=3_000), create()]
        reported = create()
        return [
            *(Verifier(*client(f"verifier{number}"), fixed=fixed, pool=pool) for number in range(VERIFIERS)),
            *(Manager(*client(f"manager{number}"), root=root, pool=pool) for number in range(MANAGERS)),
            *(Witness(*client(f"witness{number}"), root=root, pool=KeyPool()) for number in range(WITNESSES)),
            *(Reporter(*client(f"reporter{number}"), key=reported) for number in range(REPORTERS)),
            *(Reserver(*client(f"reserver{number}"), keys=reserved) for number in range(RESERVERS))]

    def run(self, tracks: dict[str, list[Fault]], say) -> None:
        """Injects all faults under load, waits for recovery, then ends the load."""
        for client in self.clients:
            client.thread.start()
        try:
            self._inject_all(tracks, say)
            self._recover()
        finally:
            self.stopping.set()
        deadline = time.monotonic() + RETRY_SECONDS + 10
        for client in self.clients:
            client.thread.join(max(0.0, deadline - time.monotonic()))
        self._check_clients()
        for client in self.clients:
            require(not client.thread.is_alive(), f"{client.name} is still running")

    def _inject_all(self, tracks: dict[str, list[Fault]], say) -> None:
        """Runs the tracks side by side. Everything happens in this thread, because the servers end with it."""
        running = [self._track(name, faults, say) for name, faults in tracks.items()]
        due = [(time.monotonic(), number) for number in range(len(running))]
        try:
            while due:
                moment, number = heapq.heappop(due)
                time.sleep(max(0.0, moment - time.monotonic()))
                self._check_clients()
                if (pause := next(running[number], None)) is not None:
                    heapq.heappush(due, (time.monotonic() + pause, number))
        finally:
            for track in running:
                track.close()

    def _track(self, name: str, faults: list[Fault], say) -> Steps:
        for fault in faults:
            yield fault.pause
            say(f"{name}: {fault}")
            yield from self.injector.inject(fault)

    def _check_clients(self) -> None:
        for client in self.clients:
            require(client.error is None, f"{client.name} failed:\n{client.error}")

    def _recover(self) -> None:
        """After the last fault, every node must become ready without help and serve clients."""
        started = time.monotonic()
        wait_until("all nodes are ready", lambda: all(node.is_ready for node in self.nodes), RECOVERY_LIMIT)
        self.recovery_seconds = time.monotonic() - started
        served = self._admitted()
        wait_until("clients are served again", lambda: self._admitted() > served + 200)

    def _admitted(self) -> int:
        return sum(one.record.status == 200 for one in self.journal.verifications[:])

    def finish(self) -> database_state.DatabaseState:
        """Stops the nodes, all of which must still be running, and reads the database."""
        for node in self.nodes:
            require(node.is_running, f"{node.name} exited with {node.process.returncode}")
            log = node.log.read_text(errors="replace")
            require("unexpected error" not in log, f"{node.name} logged an unexpected error")
        for node in self.nodes:
            node.stop()
        self.database.wait_until_idle()
        audit_output = self.deployment.command(self.database.owner_url, "audit", "--org", PROVIDER, "--json")
        return database_state.read(self.database, audit_output, self.deployment.pepper)
