"""Keymeter deployments and their nodes."""

import base64
import json
import os
import subprocess
from pathlib import Path

from .connection import is_up
from .failure import Failure
from .processes import Processes, free_port, run, wait_until

ROOT = Path(__file__).resolve().parents[3]


def keymeter_binary(variable: str) -> Path:
    """The binary that the environment variable names, or else the release build."""
    path = Path(os.environ.get(variable) or ROOT / ".build" / "release" / "keymeter").resolve()
    if not path.exists():
        raise Failure(f"{path} is missing: run make build")
    return path


class Deployment:
    """What all nodes have in common: the binary, the pepper and other settings."""

    def __init__(self, folder: Path, processes: Processes, binary: Path, **settings: str) -> None:
        self.folder, self.processes, self.binary, self.pepper = folder, processes, binary, os.urandom(32)
        self.environment = {
            "PATH": os.environ["PATH"], "KEYMETER_PEPPERS": f"test:{base64.b64encode(self.pepper).decode()}",
            # The auth failure limit would hide a wrong 401 behind a 429.
            "KEYMETER_AUTH_FAILURES_PER_MINUTE": "0",
        } | settings

    def migrate(self, url: str) -> None:
        self.command(url, "migrate")

    def create_organisation(self, url: str) -> str:
        """Creates an organisation and returns its root key."""
        output = self.command(url, "org", "create", "--provider-id", "clinic", "--name", "Clinic", "--json")
        return json.loads(output)["root_key"]

    def command(self, url: str, *arguments: str) -> str:
        """Runs a `keymeter` command on the database and returns its output."""
        return run([str(self.binary), *arguments], env=self.environment | {"DATABASE_URL": url})


class Node:
    """One `keymeter serve`."""

    def __init__(self, deployment: Deployment, name: str, url: str, **settings: str) -> None:
        self.name, self.port = name, free_port()
        self._deployment = deployment
        self.log = deployment.folder / f"{name}.log"
        self._environment = deployment.environment | {"DATABASE_URL": url} | settings
        self.process: subprocess.Popen | None = None

    def start(self) -> "Node":
        self.launch()
        wait_until(f"{self.name} is ready", lambda: self.is_ready or self._fail_if_exited())
        return self

    def launch(self) -> None:
        """Starts the process without waiting for readiness: the database may be down."""
        self.process = self._deployment.processes.start(
            [str(self._deployment.binary), "serve", "--host", "127.0.0.1", "--port", str(self.port)], log=self.log,
            env=self._environment)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_ready(self) -> bool:
        return is_up(f"http://{self.address}/health/ready")

    @property
    def is_live(self) -> bool:
        return is_up(f"http://{self.address}/health/live")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Shuts the node down gracefully."""
        status = self._deployment.processes.stop(self.process)
        if status != 0:
            raise Failure(f"{self.name} exited with {status}")

    def kill(self) -> None:
        self._deployment.processes.kill(self.process)

    def _fail_if_exited(self) -> bool:
        if not self.is_running:
            raise Failure(f"{self.name} did not start:\n{self.log.read_text()[-2000:]}")
        return False
