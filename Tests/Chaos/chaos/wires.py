"""The proxy through which nodes reach PostgreSQL, as the run commands it."""

import json
import subprocess
import sys
from pathlib import Path

from servers.failure import Failure
from servers.processes import Processes, free_port

# Ways to cut the connection of an exchange that commits: before PostgreSQL has the question, as soon as it has it, in the
# middle of its answer, and in place of its answer.
CUTS = ("before", "at once", "half", "after")


class Wires:
    def __init__(self, database: int, count: int, folder: Path, processes: Processes) -> None:
        self.ports = [free_port() for _ in range(count)]
        self._process = processes.start(
            [sys.executable, "-m", "chaos.proxy", str(database), *map(str, self.ports)], log=folder / "proxy.log",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # It has bound its ports once it answers.
        self.counts()

    def cut(self, wires: list[int], mode: str, every: int) -> None:
        """Cuts each `every`-th exchange that commits."""
        self._tell(do="cut", wires=wires, mode=mode, every=every)

    def stop_cutting(self, wires: list[int]) -> None:
        self._tell(do="stop cutting", wires=wires)

    def silence(self, wires: list[int]) -> None:
        """Passes nothing on any more, in either direction, without closing anything."""
        self._tell(do="silence", wires=wires)

    def end_silence(self, wires: list[int]) -> None:
        """Cuts what was silent, and passes on what comes anew."""
        self._tell(do="end silence", wires=wires)

    def counts(self) -> dict[str, int]:
        """How many connections were cut, by how."""
        return self._tell(do="count", wires=[])

    def _tell(self, **order) -> dict[str, int]:
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            raise Failure("the proxy doesn't answer") from None
