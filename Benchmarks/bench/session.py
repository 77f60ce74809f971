"""One run from its start to its end: a folder of its own, and nothing left behind however it ends."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from . import machine
from .processes import BenchError, Processes

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Outcome = TypeVar("Outcome")


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _interrupted(number, _frame) -> None:
    # Once: a second one must not cut short what ends the servers.
    for ignored in ENDINGS:
        signal.signal(ignored, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def run(work: Callable[[Path, Processes], Outcome], finish: Callable[[Outcome], None]) -> int:
    """Calls `work` with a folder on a disk, then `finish` with what it made; answers the exit code."""
    for number in ENDINGS:
        signal.signal(number, _interrupted)
    processes = Processes()
    try:
        with tempfile.TemporaryDirectory(prefix="keymeter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
            try:
                machine.refuse_memory_file_system(Path(name))
                outcome = work(Path(name), processes)
            finally:
                processes.stop_all()
    except BenchError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finish(outcome)
    return 0
