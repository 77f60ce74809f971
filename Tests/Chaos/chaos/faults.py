"""Injects each fault and reverts it.

Each fault is a generator that yields the seconds to wait before it resumes. One thread can so run several faults side by
side. It must be the thread that started the servers, because the kernel ends them when that thread exits. Closing a generator
early reverts its fault.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Generator

from servers.failure import Failure, require
from servers.nodes import Node

from .database import Database
from .disk import Disk
from .journal import NodeFreezes
from .proxy import BLACKHOLE
from .proxy_control import ProxyControl
from .schedule import Fault

Steps = Generator[float, None, None]
# Seconds between two polls of a condition.
POLL = 0.1
DISK_FULL = "No space left on device"


class FaultInjector:
    def __init__(
            self, nodes: list[Node], database: Database, disk: Disk, proxy: ProxyControl, freezes: NodeFreezes) -> None:
        self.nodes, self.database, self.disk, self.proxy, self.freezes = nodes, database, disk, proxy, freezes
        self.injected: Counter[str] = Counter()
        # How often PostgreSQL was restarted, including after it stopped by itself because its disk was full.
        self.restarts = 0

    def inject(self, fault: Fault) -> Steps:
        match fault.kind:
            case "kill a node": steps = self._kill_node(fault)
            case "freeze a node": steps = self._freeze_node(fault)
            case "kill the postmaster": steps = self._kill_database(fault, self.database.kill_postmaster)
            case "kill all of PostgreSQL": steps = self._kill_database(fault, self.database.kill_all)
            case "kill a backend": steps = self._kill_backend(fault)
            case "freeze PostgreSQL": steps = self._freeze_database(fault)
            case "fill the disk": steps = self._fill_disk(fault)
            case _ if fault.kind == BLACKHOLE: steps = self._blackhole(fault)
            case _: steps = self._cut(fault)
        yield from steps
        self.injected[fault.kind] += 1

    def _kill_node(self, fault: Fault) -> Steps:
        node = self.nodes[fault.choice % len(self.nodes)]
        node.kill()
        try:
            yield fault.duration
        finally:
            node.launch()
        # Live, not ready: the database may be down.
        yield from self._wait_until(f"{node.name} is live", lambda: node.is_live)

    def _freeze_node(self, fault: Fault) -> Steps:
        node = self.nodes[fault.choice % len(self.nodes)]
        started = time.monotonic()
        os.kill(node.process.pid, signal.SIGSTOP)
        self.freezes.begin(node.name, started)
        try:
            yield fault.duration
        finally:
            os.kill(node.process.pid, signal.SIGCONT)
            self.freezes.end(node.name, time.monotonic())

    def _kill_database(self, fault: Fault, kill) -> Steps:
        kill()
        yield fault.duration
        yield from self._wait_for_database()

    def _kill_backend(self, fault: Fault) -> Steps:
        self.database.kill_backend(fault.choice)
        yield 0.5
        yield from self._wait_for_database()

    def _freeze_database(self, fault: Fault) -> Steps:
        frozen = self.database.freeze()
        try:
            yield fault.duration
        finally:
            self.database.thaw(frozen)
        yield from self._wait_for_database()

    def _fill_disk(self, fault: Fault) -> Steps:
        before = self._disk_full_errors()
        self.disk.fill()
        try:
            deadline = time.monotonic() + 15
            while self._disk_full_errors() == before:
                require(time.monotonic() < deadline, "PostgreSQL did not notice that its disk is full")
                self.disk.fill()
                yield POLL
            end = time.monotonic() + fault.duration
            while time.monotonic() < end:
                self.disk.fill()
                yield POLL
        finally:
            self.disk.free()
        yield from self._wait_for_database()

    def _cut(self, fault: Fault) -> Steps:
        links = self._links(fault)
        self.proxy.cut(links, fault.kind.removeprefix("cut "), fault.every)
        try:
            yield fault.duration
        finally:
            self.proxy.stop_cutting(links)

    def _blackhole(self, fault: Fault) -> Steps:
        links = self._links(fault)
        self.proxy.blackhole(links)
        try:
            yield fault.duration
        finally:
            self.proxy.end_blackhole(links)

    def _links(self, fault: Fault) -> list[int]:
        """The link of one node, or the links of all."""
        number = fault.choice % (len(self.nodes) + 1)
        return [number] if number < len(self.nodes) else list(range(len(self.nodes)))

    def _disk_full_errors(self) -> int:
        return self.database.log.read_text(errors="replace").count(DISK_FULL)

    def _wait_for_database(self) -> Steps:
        """Restarts PostgreSQL if it has stopped. It refuses to start while old backends are still running."""
        def accepts_connections() -> bool:
            if self.database.process.poll() is not None:
                self.restarts += 1
                self.database.launch()
            return self.database.accepts_connections
        yield from self._wait_until("PostgreSQL accepts connections", accepts_connections)

    @staticmethod
    def _wait_until(what: str, condition, seconds: float = 30) -> Steps:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"timed out after {seconds:.0f} s waiting until {what}")
            yield POLL
