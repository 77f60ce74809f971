"""The Keymeter server that is measured."""

import base64
import os
import re
from pathlib import Path

from servers.failure import Failure
from servers.processes import Processes, run, wait_until

from .cluster import Cluster
from .keys import KeySet


class Keymeter:
    """`keymeter serve` on the database of one key set."""

    def __init__(self, binary: Path, cluster: Cluster, keys: KeySet, pepper: bytes) -> None:
        self.binary, self.cluster, self.keys = binary, cluster, keys
        self.environment = {
            "PATH": os.environ["PATH"], "DATABASE_URL": cluster.url(keys.database),
            "KEYMETER_PEPPERS": f"bench:{base64.b64encode(pepper).decode()}", "KEYMETER_LOG_FORMAT": "text",
        }

    def migrate(self) -> None:
        self.command("migrate")

    def command(self, *arguments: str, seconds: float = 60) -> str:
        """Runs a `keymeter` command on this database and returns its output."""
        return run([str(self.binary), *arguments], seconds=seconds, env=self.environment)

    def start(self, processes: Processes, name: str = "server") -> None:
        """Starts the server. `name` must be unique among the servers of this database."""
        log = self.cluster.folder / f"{self.keys.database}.{name}.log"
        self.process = processes.start(
            [str(self.binary), "serve", "--host", "127.0.0.1", "--port", "0"], log=log, env=self.environment)

        def listening_port():
            text = log.read_text(errors="replace")
            if self.process.poll() is not None:
                raise Failure(f"the server did not start:\n{text[-2000:]}")
            return re.search(r"listening.*port=(\d+)", text)

        self.url = f"http://127.0.0.1:{wait_until('the server listens', listening_port)[1]}"
