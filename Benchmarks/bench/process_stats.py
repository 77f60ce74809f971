"""CPU time and memory of running processes."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int, *, tree: bool = False) -> float:
    """The CPU time of a process. With `tree`, includes all its children, running or ended."""
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
            pass  # It has just ended. The next reading counts it among the ended children.
    return total


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def peak_memory(pid: int) -> int:
    """The peak resident memory of a process, plus that of each child, in bytes."""
    own = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            own = int(line.split()[1]) * 1024
    return own + sum(peak_memory(child) for child in children(pid))
