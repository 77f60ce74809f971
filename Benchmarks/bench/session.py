"""One run from its start to its end: a folder of its own, and nothing left behind however it ends."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from servers.termination import run_main

from . import machine
from .processes import Processes

Outcome = TypeVar("Outcome")


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(work: Callable[[Path, Processes], Outcome], finish: Callable[[Outcome], None]) -> int:
    """Calls `work` with a folder on a disk, then `finish` with what it made; answers the exit code."""
    outcomes: list[Outcome] = []

    def body() -> None:
        processes = Processes()
        with tempfile.TemporaryDirectory(prefix="keymeter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
            try:
                machine.refuse_memory_file_system(Path(name))
                outcomes.append(work(Path(name), processes))
            finally:
                processes.stop_all()

    status = run_main("bench", body)
    if status == 0:
        finish(outcomes[0])
    return status
