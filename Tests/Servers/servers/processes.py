"""Starting processes, and ending them by their ids."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .failure import Failure


class Processes:
    """All that the run has started and that is still to be ended, in the order of starting."""

    def __init__(self) -> None:
        self._running: list[tuple[subprocess.Popen, signal.Signals]] = []

    def start(self, command: list[str], *, log: Path, stop=signal.SIGTERM, user=None, **more) -> subprocess.Popen:
        """Starts a server. Should this process die without a word, the kernel sends the server `stop`."""
        wrapper = ["setpriv", "--pdeathsig", stop.name.removeprefix("SIG"), *as_user(user)]
        with log.open("ab") as output:
            # A session of its own: Ctrl-C goes to us alone, and we end the servers in order.
            process = subprocess.Popen(
                wrapper + command, start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output} | more)
        self._running.append((process, stop))
        return process

    def stop(self, process: subprocess.Popen, seconds: float = 30) -> int:
        """Ends one server, by force if it takes longer than that, and returns its exit status."""
        for entry in [entry for entry in self._running if entry[0] is process]:
            self._running.remove(entry)
            if process.poll() is None:
                process.send_signal(entry[1])  # a second time does no harm
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self, process: subprocess.Popen) -> None:
        """Ends one server without a word of warning."""
        self._running = [entry for entry in self._running if entry[0] is not process]
        process.kill()
        process.wait()

    def stop_all(self) -> None:
        """Tells all to end, the last first, and waits for them."""
        for process, signal_number in reversed(self._running):
            if process.poll() is None:
                process.send_signal(signal_number)
        while self._running:
            self.stop(self._running[-1][0])


def service_user() -> str | None:
    """Whom PostgreSQL and what belongs to it run as: it refuses root."""
    return "postgres" if os.geteuid() == 0 else None


def as_user(name: str | None) -> list[str]:
    """What setpriv needs to be told, so that a program runs as another user."""
    return [f"--reuid={name}", f"--regid={name}", "--init-groups"] if name else []


def run(command: list[str], *, seconds: float = 60, **more) -> str:
    """Runs a program to its end, within a bound, and returns what it printed."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=seconds, check=False, **more)
    except subprocess.TimeoutExpired:
        raise Failure(f"{Path(command[0]).name} took longer than {seconds:.0f} s") from None
    if done.returncode != 0:
        raise Failure(f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def eventually(what: str, condition, seconds: float = 30):
    """Waits until `condition` gives something, and returns that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)
    return found


_given: set[int] = set()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, and that this run has not been given before.

    Below those that the system gives to connections, so that none of them takes it meanwhile.
    """
    for port in range(20_000 + os.getpid() % 5_000, 32_000):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise Failure("no port is free")


def tool(name: str) -> str:
    """The path of a program that must be installed."""
    if path := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin"):
        return path
    raise Failure(f"{name} is missing: scripts/setup installs it")
