"""The services of docker-compose.yml, under a name, a port and secrets of this run's own."""

import json
import socket
import tempfile
from pathlib import Path

from .commands import COMPOSE, PROJECT, run
from .engine import Engine

NAME, IMAGE = "keymeter-compose-test", "keymeter:compose-test"
SERVICES = ("postgres", "logins", "migrate", "keymeter")


class Stack:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.folder = tempfile.TemporaryDirectory(prefix="keymeter-compose-")
        self.secrets = Path(self.folder.name) / "secrets"
        self.port = _free_port()
        self.environment = {
            **engine.environment, "KEYMETER_IMAGE": IMAGE, "KEYMETER_PUBLISHED_PORT": str(self.port),
            "KEYMETER_SECRETS": str(self.secrets),
        }
        run(PROJECT / "scripts/make-secrets", environment=self.environment)

    def compose(self, *words, **options) -> str:
        """Runs docker-compose with the project's file."""
        files = ["--file", "docker-compose.yml"]
        if self.engine.is_own:
            files += ["--file", "Tests/Compose/own-engine.yml"]
        return run(COMPOSE, "--project-name", NAME, *files, *words, environment=self.environment, **options)

    def build(self) -> None:
        self.compose("build", "keymeter", quiet=False, timeout=3_600)

    def up(self) -> None:
        self.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "180", timeout=300)

    def admin(self, *words) -> str:
        """A command of the operator's."""
        return self.compose("run", "--rm", "--no-TTY", "admin", *words, timeout=120)

    def inside(self, *words, check=True) -> str:
        """A program in the server's container."""
        return self.compose("exec", "--no-TTY", "keymeter", *words, check=check, timeout=120)

    def container(self, service: str) -> dict:
        """What the engine says of a service's container."""
        identity = self.compose("ps", "--all", "--quiet", service).split()[0]
        return json.loads(self.engine.docker("inspect", identity))[0]

    def logs(self, *services) -> str:
        return self.compose("logs", "--no-color", "--tail", "200", *services, check=False)

    def down(self) -> None:
        """Removes containers, networks and volumes; the image is kept, for the next build to begin with."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10", check=False, timeout=180)
        self.folder.cleanup()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
