"""The Docker engine: a running one, or a private one that this run starts."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from servers.failure import Failure
from servers.nodes import ROOT
from servers.processes import wait_until

from .commands import run, say

FOLDER = ROOT / ".build-compose"


class Engine:
    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.sockets: tempfile.TemporaryDirectory | None = None
        # The classic builder, because BuildKit's client is a separate package that may be missing.
        self.environment = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}

    @property
    def is_private(self) -> bool:
        return self.process is not None

    def docker(self, *words, **options) -> str:
        return run("docker", *words, environment=self.environment, **options)

    def start(self) -> None:
        """Finds a running engine, or starts a private one."""
        if os.environ.get("COMPOSE_ENGINE") != "own" and self.is_up():
            return say("using the running Docker engine")
        if os.geteuid() != 0:
            raise Failure("no Docker engine is running (or you may not use it), and starting one needs root")
        FOLDER.mkdir(exist_ok=True)
        # A new folder, because a socket's path must be short, and a killed run may have left files behind.
        self.sockets = tempfile.TemporaryDirectory(prefix="keymeter-compose-")
        folder = Path(self.sockets.name)
        socket = f"unix://{folder}/docker.sock"
        say(f"starting a Docker engine with its data in {FOLDER}")
        with open(FOLDER / "engine.log", "w") as log:
            self.process = subprocess.Popen(
                [
                    "dockerd", "--host", socket, "--data-root", FOLDER / "data", "--exec-root", folder / "exec",
                    "--pidfile", folder / "docker.pid", "--storage-driver=overlay2", "--bip=172.30.250.1/24",
                    # Leaves this machine's firewall alone: docker-proxy publishes the ports.
                    "--iptables=false", "--ip6tables=false", "--exec-opt", "native.cgroupdriver=cgroupfs",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # In a new session, Ctrl-C does not reach the engine, which the cleanup still needs.
                start_new_session=True)
        self.environment["DOCKER_HOST"] = socket
        wait_until("the Docker engine is up", lambda: self.process.poll() is not None or self.is_up(), 60)
        if self.process.poll() is not None:
            tail = (FOLDER / "engine.log").read_text().splitlines()[-20:]
            raise Failure("the Docker engine did not start\n" + "\n".join(tail))

    def is_up(self) -> bool:
        try:
            return self.docker("version", "--format", "{{.Server.Version}}", check=False, timeout=20).strip() != ""
        except FileNotFoundError:
            return False

    def stop(self) -> None:
        """Stops a private engine."""
        if self.process is None:
            return
        say("stopping the Docker engine")
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self._unmount()
        self.sockets.cleanup()

    def _unmount(self) -> None:
        """Unmounts the containers' network namespaces, which the engine leaves mounted."""
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((mount for mount in mounts if mount.startswith(self.sockets.name + "/")), reverse=True):
            run("umount", "--lazy", mount, check=False)
