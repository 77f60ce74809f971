"""Keymeter's nodes, and the keys that their clients use."""

import base64
import json
import os
import subprocess
import urllib.request
from pathlib import Path

from .processes import FailoverError, Processes, eventually, free_port, run
from .store import answers

ROOT = Path(__file__).resolve().parents[3]


def binary() -> Path:
    path = Path(os.environ.get("FAILOVER_BINARY", ROOT / ".build" / "release" / "keymeter")).resolve()
    if not path.exists():
        raise FailoverError(f"{path} is missing: run make build")
    return path


class Nodes:
    """Settings and programs that all nodes have in common."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder, self.processes, self.binary = folder, processes, binary()
        self.environment = {
            "PATH": os.environ["PATH"], "KEYMETER_PEPPERS": f"test:{base64.b64encode(os.urandom(32)).decode()}",
            # Every wrong answer is to be seen, and none held back.
            "KEYMETER_AUTH_FAILURES_PER_MINUTE": "0",
            "KEYMETER_DRAIN_SECONDS": os.environ.get("FAILOVER_DRAIN", "3"),
        }

    def migrate(self, url: str) -> None:
        self._command(url, "migrate")

    def organisation(self, url: str) -> str:
        """Makes an organisation, and returns its root key."""
        answer = self._command(url, "org", "create", "--provider-id", "clinic", "--name", "Clinic", "--json")
        return json.loads(answer)["root_key"]

    def _command(self, url: str, *arguments: str) -> str:
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
        self.process = self._nodes.processes.start(
            [str(self._nodes.binary), "serve", "--host", "127.0.0.1", "--port", str(self.port)], log=self.log,
            env=self._environment)
        eventually(f"{self.name} to be ready", lambda: self.is_ready or self._has_ended())
        return self

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_ready(self) -> bool:
        return answers(f"http://{self.address}/health/ready")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Tells it to stop, and waits until it has, in an orderly way."""
        status = self._nodes.processes.stop(self.process)
        if status != 0:
            raise FailoverError(f"{self.name} ended with {status}")

    def kill(self) -> None:
        self._nodes.processes.kill(self.process)

    def _has_ended(self) -> bool:
        if not self.is_running:
            raise FailoverError(f"{self.name} did not start:\n{self.log.read_text()[-2000:]}")
        return False

    def issue(self, root: str, limit: int | None) -> tuple[str, str]:
        """Makes a key; gives its id and its value."""
        body = {"name": "Client", "environment": "PRODUCTION", "scopes": ["*"], "usageLimit": limit}
        request = urllib.request.Request(
            f"http://{self.address}/api/v1/apikey/createapikey", data=json.dumps(body).encode(),
            headers={"X-API-Key": root, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            made = json.load(response)["data"]
        return made["id"], made["key"]
