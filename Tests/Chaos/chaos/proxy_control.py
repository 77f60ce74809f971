"""Starts the proxy between the nodes and PostgreSQL, and sends it commands."""

import json
import subprocess
import sys
from pathlib import Path

from servers.failure import Failure
from servers.processes import Processes, free_port


class ProxyControl:
    def __init__(self, database_port: int, count: int, folder: Path, processes: Processes) -> None:
        self.ports = [free_port() for _ in range(count)]
        self._process = processes.start(
            [sys.executable, "-m", "chaos.proxy", str(database_port), *map(str, self.ports)], log=folder / "proxy.log",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # The first answer shows that the proxy listens.
        self.cut_counts()

    def cut(self, links: list[int], mode: str, every: int) -> None:
        """Cuts the connection at every n-th commit."""
        self._send(action="cut", links=links, mode=mode, every=every)

    def stop_cutting(self, links: list[int]) -> None:
        self._send(action="stop cutting", links=links)

    def blackhole(self, links: list[int]) -> None:
        """Forwards nothing in either direction, but closes no connection."""
        self._send(action="blackhole", links=links)

    def end_blackhole(self, links: list[int]) -> None:
        """Cuts the connections that were stuck, and forwards new ones."""
        self._send(action="end blackhole", links=links)

    def cut_counts(self) -> dict[str, int]:
        """How many connections were cut, by mode."""
        return self._send(action="count", links=[])

    def _send(self, **command) -> dict[str, int]:
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            raise Failure("the proxy does not respond") from None
