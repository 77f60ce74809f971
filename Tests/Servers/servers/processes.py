"""Starts processes, and ends them by process id."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .failure import Failure


class Processes:
    """The processes that the run has started and must still end, in the order in which they started."""

    def __init__(self, stop_timeout: float = 30) -> None:
        self._stop_timeout = stop_timeout
        self._running: list[tuple[subprocess.Popen, signal.Signals]] = []

    def start(self, command: list[str], *, log: Path, stop=signal.SIGTERM, user=None, **options) -> subprocess.Popen:
        """Starts a server. If this process dies, the kernel sends the server the signal `stop`."""
        wrapper = ["setpriv", "--pdeathsig", stop.name.removeprefix("SIG"), *setpriv_options(user)]
        with log.open("ab") as output:
            # In a new session, Ctrl-C reaches only this process, which then ends the servers in order.
            process = subprocess.Popen(
                wrapper + command, start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output} | options)
        self._running.append((process, stop))
        return process

    def stop(self, process: subprocess.Popen) -> int:
        """Stops one server and returns its exit status. Kills it after the timeout."""
        for entry in [entry for entry in self._running if entry[0] is process]:
            self._running.remove(entry)
            if process.poll() is None:
                process.send_signal(entry[1])  # harmless if stop_all has sent it already
        try:
            return process.wait(self._stop_timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self, process: subprocess.Popen) -> None:
        self._running = [entry for entry in self._running if entry[0] is not process]
        process.kill()
        process.wait()

    def stop_all(self) -> None:
        """Signals all servers, the newest first, then waits for them."""
        for process, signal_number in reversed(self._running):
            if process.poll() is None:
                process.send_signal(signal_number)
        while self._running:
            self.stop(self._running[-1][0])


def service_user() -> str | None:
    """The account for PostgreSQL and its companions, because PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def setpriv_options(user: str | None) -> list[str]:
    """The options with which setpriv runs a program as this user."""
    return [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []


def as_service_user() -> list[str]:
    """The command prefix that runs a program as the service user."""
    return ["setpriv", *setpriv_options(service_user())] if service_user() else []


def run(command: list[str], *, seconds: float = 60, **options) -> str:
    """Runs a program to its end, with a timeout, and returns its output."""
    try:
        done = subprocess.run(
            command, text=True, timeout=seconds, check=False,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is missing: scripts/setup installs it") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{Path(command[0]).name} took longer than {seconds:.0f} s") from None
    if done.returncode != 0:
        raise Failure(f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def wait_until(what: str, condition, seconds: float = 30):
    """Polls `condition` until it is true, and returns its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"timed out after {seconds:.0f} s waiting until {what}")
        time.sleep(0.05)
    return value


_used_ports: set[int] = set()


def free_port() -> int:
    """A free TCP port on the loopback interface, different from all that this run was given before.

    It is below the ephemeral range, so that no outgoing connection can take it first.
    """
    for port in range(20_000 + os.getpid() % 5_000, 32_000):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _used_ports:
            _used_ports.add(port)
            return port
    raise Failure("no TCP port is free")


def find_tool(name: str) -> str:
    """The path of a program that must be installed."""
    if path := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin"):
        return path
    raise Failure(f"{name} is missing: scripts/setup installs it")
