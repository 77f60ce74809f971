"""Runs the scenarios one after another, each part on new servers."""

import os
import sys
import time
from pathlib import Path

from servers.failure import Failure
from servers.folder import working_folder
from servers.processes import Processes
from servers.termination import run_main

from . import scenarios
from .replicas import kill_orphans

# By name: whether PgBouncer is in front of PostgreSQL, and the scenarios in order.
PARTS = {
    "direct": (False, [
        ("rolling restart", scenarios.rolling_restart), ("loss of a node", scenarios.lose_node),
        ("loss of PostgreSQL's leader", scenarios.lose_leader)]),
    "pooled": (True, [
        ("prepared statements behind PgBouncer", scenarios.prepared_statements_behind_pooler),
        ("loss of PostgreSQL's leader behind PgBouncer", scenarios.lose_leader)]),
}


def run_part(name: str, folder: Path) -> None:
    pooled, steps = PARTS[name]
    processes = Processes()
    try:
        say(f"{name}: starting two PostgreSQL members and two nodes")
        testbed = scenarios.Testbed(folder, processes, pooled=pooled)
        for title, scenario in steps:
            say(f"{name}: {title}: {scenario(testbed)}")
    finally:
        processes.stop_all()
        kill_orphans(folder)


def say(text: str) -> None:
    print(f"failover: {text}", flush=True)


def run() -> None:
    start = time.monotonic()
    for name in selected():
        with working_folder("failover", keep=bool(os.environ.get("FAILOVER_KEEP"))) as folder:
            try:
                run_part(name, folder)
            except Failure as failure:
                raise Failure(f"{name}: {failure}") from None
    say(f"all invariants held, in {time.monotonic() - start:.0f} s")


def selected() -> list[str]:
    return os.environ["FAILOVER_ONLY"].split(",") if os.environ.get("FAILOVER_ONLY") else list(PARTS)


def main() -> int:
    if set(selected()) - set(PARTS):
        print(f"failover: FAILOVER_ONLY must be one or more of {', '.join(PARTS)}", file=sys.stderr)
        return 64
    return run_main("failover", run)


sys.exit(main())
