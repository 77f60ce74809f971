"""HAProxy in front of the nodes, configured by deploy/haproxy.cfg."""

from pathlib import Path

from servers.connection import is_up
from servers.nodes import Node
from servers.processes import Processes, find_tool, free_port, wait_until

from .deploy_config import adapt


class Balancer:
    def __init__(self, folder: Path, processes: Processes, nodes: list[Node]) -> None:
        self.port = free_port()
        first, second = nodes
        config = adapt(
            "haproxy.cfg",
            {"bind :8080": f"bind 127.0.0.1:{self.port}", "127.0.0.1:8081": first.address,
             "127.0.0.1:8082": second.address}, folder / "balancer.cfg")
        # -db: one process, in the foreground.
        processes.start([find_tool("haproxy"), "-db", "-f", str(config)], log=folder / "balancer.log")
        wait_until("HAProxy is up", lambda: is_up(f"http://127.0.0.1:{self.port}/health/ready"))
