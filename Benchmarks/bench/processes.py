"""Starting processes, ending them by their ids, and what they cost."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from servers.failure import Failure

TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Failure):
    """Why the run can't go on, for whoever started it."""


class Processes:
    """All that the run has started and that is still to be ended, in the order of starting."""

    def __init__(self) -> None:
        self._running: list[tuple[subprocess.Popen, signal.Signals]] = []

    def start(self, command: list[str], *, log: Path, stop=signal.SIGTERM, user=None, **more) -> subprocess.Popen:
        """Starts a server. Should this process die without a word, the kernel sends the server `stop`."""
        wrapper = ["setpriv", "--pdeathsig", stop.name.removeprefix("SIG")]
        if user:
            wrapper += as_user(user)
        with log.open("ab") as output:
            # A session of its own: Ctrl-C goes to us alone, and we end the servers in order.
            process = subprocess.Popen(
                wrapper + command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, **more)
        self._running.append((process, stop))
        return process

    def stop(self, process: subprocess.Popen) -> None:
        """Ends one server, and by force if it takes longer than 20 s."""
        entry = next((entry for entry in self._running if entry[0] is process), None)
        if entry is None:
            return
        self._running.remove(entry)
        if process.poll() is not None:
            return
        process.send_signal(entry[1])
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self) -> None:
        while self._running:
            self.stop(self._running[-1][0])


def as_user(name: str) -> list[str]:
    """What setpriv needs to be told, so that a program runs as another user."""
    return [f"--reuid={name}", f"--regid={name}", "--init-groups"]


def run(command: list[str], *, seconds: float, **more) -> str:
    """Runs a program to its end, within a bound, and returns what it printed."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds, check=False, **more)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{Path(command[0]).name} took longer than {seconds:.0f} s") from None
    if done.returncode != 0:
        raise BenchError(f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def await_line(process: subprocess.Popen, log: Path, wanted, seconds: float = 30):
    """Waits until `wanted` finds something in the log, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        text = log.read_text(errors="replace") if log.exists() else ""
        if found := wanted(text):
            return found
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"a server did not start:\n{text[-2000:]}")
        time.sleep(0.05)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def tool(name: str) -> str:
    """The path of a program that must be installed."""
    if path := shutil.which(name):
        return path
    raise BenchError(f"{name} is missing: run scripts/setup bench")


def cpu_seconds(pid: int, *, tree: bool = False) -> float:
    """Processor time that a process has used; with `tree` its children's too, also of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, ended_user, ended_system = (int(field) for field in fields[11:15])
    total = (user + system) / TICKS
    if not tree:
        return total
    total += (ended_user + ended_system) / TICKS
    for child in children(pid):
        try:
            total += cpu_seconds(child, tree=True)
        except (FileNotFoundError, ProcessLookupError):
            pass  # It has just ended; the next reading finds it among the ended.
    return total


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def peak_memory(pid: int) -> int:
    """The most resident memory that a process has had, and its children's beside it, in bytes."""
    own = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            own = int(line.split()[1]) * 1024
    return own + sum(peak_memory(child) for child in children(pid))
