"""Keymeter's nodes."""

import base64
import json
import os
import subprocess
from pathlib import Path

from .connection import answers
from .failure import Failure
from .processes import Processes, eventually, free_port, run

ROOT = Path(__file__).resolve().parents[3]


def binary(variable: str) -> Path:
    """The keymeter that an environment variable names, or else the one that was built."""
    path = Path(os.environ.get(variable, ROOT / ".build" / "release" / "keymeter")).resolve()
    if not path.exists():
        raise Failure(f"{path} is missing: run make build")
    return path


class Nodes:
    """Settings and programs that all nodes have in common."""

    def __init__(self, folder: Path, processes: Processes, binary: Path, **settings: str) -> None:
        self.folder, self.processes, self.binary, self.pepper = folder, processes, binary, os.urandom(32)
        self.environment = {
            "PATH": os.environ["PATH"], "KEYMETER_PEPPERS": f"test:{base64.b64encode(self.pepper).decode()}",
            # Every wrong answer is to be seen, and none held back.
            "KEYMETER_AUTH_FAILURES_PER_MINUTE": "0",
        } | settings

    def migrate(self, url: str) -> None:
        self.command(url, "migrate")

    def organisation(self, url: str) -> str:
        """Makes an organisation, and returns its root key."""
        answer = self.command(url, "org", "create", "--provider-id", "clinic", "--name", "Clinic", "--json")
        return json.loads(answer)["root_key"]

    def command(self, url: str, *arguments: str) -> str:
        """Runs one of Keymeter's commands on the database, and returns what it printed."""
        return run([str(self.binary), *arguments], env=self.environment | {"DATABASE_URL": url})


class Node:
    """One `keymeter serve`."""

    def __init__(self, nodes: Nodes, name: str, url: str, **settings: str) -> None:
        self.name, self.port = name, free_port()
        self._nodes = nodes
        self.log = nodes.folder / f"{name}.log"
        self._environment = nodes.environment | {"DATABASE_URL": url} | settings
        self.process: subprocess.Popen | None = None

    def start(self) -> "Node":
        self.launch()
        eventually(f"{self.name} to be ready", lambda: self.is_ready or self._has_ended())
        return self

    def launch(self) -> None:
        """Starts it, and waits for nothing: the database may not be there."""
        self.process = self._nodes.processes.start(
            [str(self._nodes.binary), "serve", "--host", "127.0.0.1", "--port", str(self.port)], log=self.log,
            env=self._environment)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_ready(self) -> bool:
        return answers(f"http://{self.address}/health/ready")

    @property
    def is_live(self) -> bool:
        return answers(f"http://{self.address}/health/live")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Tells it to stop, and waits until it has, in an orderly way."""
        status = self._nodes.processes.stop(self.process)
        if status != 0:
            raise Failure(f"{self.name} ended with {status}")

    def kill(self) -> None:
        self._nodes.processes.kill(self.process)

    def _has_ended(self) -> bool:
        if not self.is_running:
            raise Failure(f"{self.name} did not start:\n{self.log.read_text()[-2000:]}")
        return False
