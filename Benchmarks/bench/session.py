"""Runs a benchmark in a temporary folder, and cleans up however it ends."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from servers.processes import Processes
from servers.termination import run_main

from . import machine

Result = TypeVar("Result")


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(work: Callable[[Path, Processes], Result], finish: Callable[[Result], None]) -> int:
    """Calls `work` with a folder on a disk, then `finish` with its result. Returns the exit status."""
    results: list[Result] = []

    def body() -> None:
        processes = Processes(stop_timeout=20)
        with tempfile.TemporaryDirectory(prefix="keymeter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
            try:
                machine.require_disk(Path(name))
                results.append(work(Path(name), processes))
            finally:
                processes.stop_all()

    status = run_main("bench", body)
    if status == 0:
        finish(results[0])
    return status
