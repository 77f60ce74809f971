"""HAProxy before the nodes, by deploy/haproxy.cfg."""

from pathlib import Path

from servers.connection import answers
from servers.nodes import Node
from servers.processes import Processes, eventually, free_port, tool

from .shipped import shipped


class Balancer:
    def __init__(self, name: str, folder: Path, processes: Processes, nodes: list[Node]) -> None:
        self.port = free_port()
        first, second = nodes
        file = shipped(
            "haproxy.cfg",
            {"bind :8080": f"bind 127.0.0.1:{self.port}", "127.0.0.1:8081": first.address,
             "127.0.0.1:8082": second.address}, folder / f"{name}.cfg")
        self._processes = processes
        # In the foreground, and one process.
        self._process = processes.start([tool("haproxy"), "-db", "-f", str(file)], log=folder / f"{name}.log")
        eventually("HAProxy", lambda: answers(f"http://127.0.0.1:{self.port}/health/ready"))

    def stop(self) -> None:
        self._processes.stop(self._process)
