"""The Docker engine: the one that runs, or one of this run's own."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from .commands import PROJECT, TestFailure, eventually, run, say

FOLDER = PROJECT / ".build-compose"


class Engine:
    """An engine, and how its clients reach it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.sockets: tempfile.TemporaryDirectory | None = None
        # The classic builder: BuildKit's client is a package of its own, which not everybody has.
        self.environment = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}

    @property
    def is_own(self) -> bool:
        return self.process is not None

    def docker(self, *words, **options) -> str:
        return run("docker", *words, environment=self.environment, **options)

    def start(self) -> None:
        """Finds the engine that runs, or starts one."""
        if os.environ.get("COMPOSE_ENGINE") != "own" and self.answers():
            return say("using the Docker engine that runs")
        if os.geteuid() != 0:
            raise TestFailure("no Docker engine runs (or it isn't yours to use), and starting one needs root")
        FOLDER.mkdir(exist_ok=True)
        # A socket's path is short, and what a killed run left behind is in nobody's way.
        self.sockets = tempfile.TemporaryDirectory(prefix="keymeter-compose-")
        folder = Path(self.sockets.name)
        socket = f"unix://{folder}/docker.sock"
        say(f"starting a Docker engine, with its data in {FOLDER}")
        with open(FOLDER / "engine.log", "w") as log:
            self.process = subprocess.Popen(
                [
                    "dockerd", "--host", socket, "--data-root", FOLDER / "data", "--exec-root", folder / "exec",
                    "--pidfile", folder / "docker.pid", "--storage-driver=overlay2", "--bip=172.30.250.1/24",
                    # No rules of this machine's firewall are changed: ports are published by docker-proxy.
                    "--iptables=false", "--ip6tables=false", "--exec-opt", "native.cgroupdriver=cgroupfs",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # A Ctrl-C is for us: the engine is stopped when nothing needs it any more.
                start_new_session=True)
        self.environment["DOCKER_HOST"] = socket
        eventually("the Docker engine", 60, lambda: self.process.poll() is not None or self.answers())
        if self.process.poll() is not None:
            tail = (FOLDER / "engine.log").read_text().splitlines()[-20:]
            raise TestFailure("the Docker engine did not start\n" + "\n".join(tail))

    def answers(self) -> bool:
        try:
            return self.docker("version", "--format", "{{.Server.Version}}", check=False, timeout=20).strip() != ""
        except FileNotFoundError:
            return False

    def stop(self) -> None:
        """Ends an engine that was started here, and no other."""
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
        self.release_mounts()
        self.sockets.cleanup()

    def release_mounts(self) -> None:
        """The engine leaves its containers' network namespaces mounted."""
        places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for place in sorted((place for place in places if place.startswith(self.sockets.name + "/")), reverse=True):
            run("umount", "--lazy", place, check=False)
