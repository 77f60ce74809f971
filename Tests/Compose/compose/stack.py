"""The services of docker-compose.yml, with a project name, port and secrets for this run."""

import json
import tempfile
from pathlib import Path

from servers.nodes import ROOT
from servers.processes import free_port

from .commands import COMPOSE, run
from .engine import Engine

NAME, IMAGE = "keymeter-compose-test", "keymeter:compose-test"


class Stack:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.folder = tempfile.TemporaryDirectory(prefix="keymeter-compose-")
        self.port = free_port()
        self.environment = {
            **engine.environment, "KEYMETER_IMAGE": IMAGE, "KEYMETER_PUBLISHED_PORT": str(self.port),
            "KEYMETER_SECRETS": str(Path(self.folder.name) / "secrets"),
        }
        run(ROOT / "scripts/make-secrets", environment=self.environment)

    def compose(self, *words, **options) -> str:
        """Runs docker-compose with the project's file."""
        files = ["--file", "docker-compose.yml"]
        if self.engine.is_private:
            files += ["--file", "Tests/Compose/private-engine.yml"]
        return run(COMPOSE, "--project-name", NAME, *files, *words, environment=self.environment, **options)

    def build(self) -> None:
        self.compose("build", "keymeter", quiet=False, timeout=3_600)

    def up(self) -> None:
        self.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "180", timeout=300)

    def admin(self, *words) -> str:
        """Runs an operator's command in the admin container."""
        return self.compose("run", "--rm", "--no-TTY", "admin", *words, timeout=120)

    def inside(self, *words, check=True) -> str:
        """Runs a program in the server's container."""
        return self.compose("exec", "--no-TTY", "keymeter", *words, check=check, timeout=120)

    def container(self, service: str) -> dict:
        """The engine's description of a service's container."""
        identity = self.compose("ps", "--all", "--quiet", service).split()[0]
        return json.loads(self.engine.docker("inspect", identity))[0]

    def logs(self, *services) -> str:
        return self.compose("logs", "--no-color", "--tail", "200", *services, check=False)

    def down(self) -> None:
        """Removes containers, networks and volumes. The image stays as a cache for the next build."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10", check=False, timeout=180)
        self.folder.cleanup()
