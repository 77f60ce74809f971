"""How each fault is made, and how all is made well again.

Each is a generator: it gives how many seconds to wait, and goes on when they are over. So one thread, which has started all
servers and must outlive them, makes all faults. Closed before its end, a generator takes back what it did.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Generator

from servers.failure import Failure, law
from servers.nodes import Node

from .database import Database
from .disk import Disk
from .history import Freezes
from .schedule import Fault
from .wires import Wires

Steps = Generator[float, None, None]
# Between two looks at whether something has come about, in seconds.
LOOK = 0.1
FULL = "No space left on device"


class Faults:
    def __init__(self, nodes: list[Node], database: Database, disk: Disk, wires: Wires, freezes: Freezes) -> None:
        self.nodes, self.database, self.disk, self.wires, self.freezes = nodes, database, disk, wires, freezes
        self.made: Counter[str] = Counter()
        # How often PostgreSQL was started again, also where it had ended by itself, as it may when its disk is full.
        self.starts = 0

    def make(self, fault: Fault) -> Steps:
        match fault.kind:
            case "kill a node": steps = self._kill_node(fault)
            case "freeze a node": steps = self._freeze_node(fault)
            case "kill the postmaster": steps = self._kill_database(fault, self.database.kill)
            case "kill all of PostgreSQL": steps = self._kill_database(fault, self.database.kill_all)
            case "kill a backend": steps = self._kill_backend(fault)
            case "freeze PostgreSQL": steps = self._freeze_database(fault)
            case "fill the disk": steps = self._fill_disk(fault)
            case "silence": steps = self._silence(fault)
            case _: steps = self._cut(fault)
        yield from steps
        self.made[fault.kind] += 1

    def _kill_node(self, fault: Fault) -> Steps:
        node = self.nodes[fault.choice % len(self.nodes)]
        node.kill()
        try:
            yield fault.lasts
        finally:
            node.launch()
        # Whether it is ready is up to the database.
        yield from self._until(f"{node.name} to listen", lambda: node.is_live)

    def _freeze_node(self, fault: Fault) -> Steps:
        node = self.nodes[fault.choice % len(self.nodes)]
        begun = time.monotonic()
        os.kill(node.process.pid, signal.SIGSTOP)
        self.freezes.begin(node.name, begun)
        try:
            yield fault.lasts
        finally:
            os.kill(node.process.pid, signal.SIGCONT)
            self.freezes.end(node.name, time.monotonic())

    def _kill_database(self, fault: Fault, kill) -> Steps:
        kill()
        yield fault.lasts
        yield from self._until_database_accepts()

    def _kill_backend(self, fault: Fault) -> Steps:
        self.database.kill_backend(fault.choice)
        yield 0.5
        yield from self._until_database_accepts()

    def _freeze_database(self, fault: Fault) -> Steps:
        frozen = self.database.freeze()
        try:
            yield fault.lasts
        finally:
            self.database.thaw(frozen)
        yield from self._until_database_accepts()

    def _fill_disk(self, fault: Fault) -> Steps:
        told = self._complaints()
        self.disk.fill()
        try:
            deadline = time.monotonic() + 15
            while self._complaints() == told:
                law(time.monotonic() < deadline, "PostgreSQL didn't notice that its disk is full")
                self.disk.fill()
                yield LOOK
            end = time.monotonic() + fault.lasts
            while time.monotonic() < end:
                self.disk.fill()
                yield LOOK
        finally:
            self.disk.free()
        yield from self._until_database_accepts()

    def _cut(self, fault: Fault) -> Steps:
        wires = self._wires(fault)
        self.wires.cut(wires, fault.kind.removeprefix("cut "), fault.every)
        try:
            yield fault.lasts
        finally:
            self.wires.stop_cutting(wires)

    def _silence(self, fault: Fault) -> Steps:
        wires = self._wires(fault)
        self.wires.silence(wires)
        try:
            yield fault.lasts
        finally:
            self.wires.end_silence(wires)

    def _wires(self, fault: Fault) -> list[int]:
        """Of one node, or of all."""
        number = fault.choice % (len(self.nodes) + 1)
        return [number] if number < len(self.nodes) else list(range(len(self.nodes)))

    def _complaints(self) -> int:
        return self.database.log.read_text(errors="replace").count(FULL)

    def _until_database_accepts(self) -> Steps:
        """Starts PostgreSQL where it has ended; a new one refuses to as long as processes of the former are left."""
        def accepts() -> bool:
            if self.database.process.poll() is not None:
                self.starts += 1
                self.database.launch()
            return self.database.accepts
        yield from self._until("PostgreSQL to accept connections", accepts)

    @staticmethod
    def _until(what: str, condition, seconds: float = 30) -> Steps:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"waited {seconds:.0f} s in vain for {what}")
            yield LOOK
