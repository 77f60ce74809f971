"""The servers, the load on them, and what is done to them."""

import heapq
import threading
import time
from pathlib import Path

from servers.failure import law
from servers.nodes import Node, Nodes, binary
from servers.processes import Processes, eventually

from . import kept
from .client import LONGEST_ENDING, Client
from .database import Database
from .disk import Disk
from .faults import Faults, Steps
from .history import History
from .keys import Key, Keyring
from .manager import PROVIDER, Manager
from .reporter import Reporter, Reserver
from .schedule import Fault
from .verifier import Verifier
from .wires import Wires
from .witness import Witness

NODES = 3
VERIFIERS, MANAGERS, WITNESSES, REPORTERS, RESERVERS = 8, 3, 2, 2, 2
# Keys that nobody changes: without a limit, and with limits that are reached early, late and hardly ever.
FIXED = (
    {}, {}, {"usageLimit": 300}, {"usageLimit": 3_000}, {"usageLimit": 20_000}, {"monthlyTokenLimit": 1_500},
    {"usageLimit": 6_000, "monthlyTokenLimit": 4_000})
# Within this many seconds of the last fault all is well again.
RECOVERY = 20.0


class Scene:
    def __init__(self, folder: Path, disk: Disk, processes: Processes, seed: int) -> None:
        self.history, self.ends = History(), threading.Event()
        # How long after the last fault all nodes were ready, in seconds.
        self.recovered_in = 0.0
        self.database = Database(folder, disk, processes)
        self.wires = Wires(self.database.port, NODES, folder, processes)
        self.shared = Nodes(folder, processes, binary("CHAOS_BINARY"))
        self.shared.migrate(self.database.owner_url)
        self.database.add_server_login()
        root = self.shared.organisation(self.database.owner_url)
        self.nodes = [
            Node(self.shared, f"node{number}", self.database.server_url(port))
            for number, port in enumerate(self.wires.ports, start=1)]
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            eventually(f"{node.name} to be ready", lambda node=node: node.is_ready)
        self.faults = Faults(self.nodes, self.database, disk, self.wires, self.history.freezes)
        self.clients = self._clients(seed, root)

    def _clients(self, seed: int, root: str) -> list[Client]:
        def client(name: str) -> tuple:
            return name, seed, self.nodes, self.history, self.ends
        # What it makes is in nobody else's hands.
        setup, keyring = Manager(*client("setup"), root=root, keyring=Keyring()), Keyring()

        def made(**limits: int) -> Key:
            key = setup.create(**limits)
            law(key is not None, "no key could be made")
            return key
        fixed = [made(**limits) for limits in FIXED]
        held = [made(usageLimit=3_000), made()]
        reported = made()
        return [
            *(Verifier(*client(f"verifier{number}"), fixed=fixed, keyring=keyring) for number in range(VERIFIERS)),
            *(Manager(*client(f"manager{number}"), root=root, keyring=keyring) for number in range(MANAGERS)),
            *(Witness(*client(f"witness{number}"), root=root, keyring=Keyring()) for number in range(WITNESSES)),
            *(Reporter(*client(f"reporter{number}"), key=reported) for number in range(REPORTERS)),
            *(Reserver(*client(f"reserver{number}"), keys=held) for number in range(RESERVERS))]

    def play(self, rows: dict[str, list[Fault]], say) -> None:
        """All faults under load, until all is well again; then nobody works any more."""
        for client in self.clients:
            client.thread.start()
        try:
            self._make_all(rows, say)
            self._recover()
        finally:
            self.ends.set()
        deadline = time.monotonic() + LONGEST_ENDING + 10
        for client in self.clients:
            client.thread.join(max(0.0, deadline - time.monotonic()))
        for client in self.clients:
            law(client.fault is None, f"{client.name} broke:\n{client.fault}")
            law(not client.thread.is_alive(), f"{client.name} still waits")

    def _make_all(self, rows: dict[str, list[Fault]], say) -> None:
        """The rows side by side, each fault a generator; in this thread alone, to whose end the servers' lives are tied."""
        going = [self._row(name, faults, say) for name, faults in rows.items()]
        due = [(time.monotonic(), number) for number in range(len(going))]
        try:
            while due:
                moment, number = heapq.heappop(due)
                time.sleep(max(0.0, moment - time.monotonic()))
                self._watch()
                if (pause := next(going[number], None)) is not None:
                    heapq.heappush(due, (time.monotonic() + pause, number))
        finally:
            for row in going:
                row.close()

    def _row(self, name: str, faults: list[Fault], say) -> Steps:
        for fault in faults:
            yield fault.after
            say(f"{name}: {fault}")
            yield from self.faults.make(fault)

    def _watch(self) -> None:
        for client in self.clients:
            law(client.fault is None, f"{client.name} broke:\n{client.fault}")

    def _recover(self) -> None:
        """After the last fault every node is ready by itself, and serves whoever comes."""
        begun = time.monotonic()
        eventually("all nodes to be ready", lambda: all(node.is_ready for node in self.nodes), RECOVERY)
        self.recovered_in = time.monotonic() - begun
        served = self.admitted()
        eventually("clients to be served again", lambda: self.admitted() > served + 200)

    def admitted(self) -> int:
        return sum(one.noted.status == 200 for one in self.history.verifications[:])

    def end(self) -> kept.Kept:
        """Ends the nodes, all of which must still be there, and reads what is left behind."""
        for node in self.nodes:
            law(node.is_running, f"{node.name} ended by itself, with {node.process.returncode}")
            log = node.log.read_text(errors="replace")
            law("unexpected error" not in log, f"{node.name} has logged an unexpected error")
        for node in self.nodes:
            node.stop()
        self.database.wait_until_nobody_works()
        audit = self.shared.command(self.database.owner_url, "audit", "--org", PROVIDER, "--json")
        return kept.read(self.database, audit, self.shared.pepper)
