"""The run: one scene after the other, each on servers of its own, and nothing left behind."""

import os
import sys
import time
from pathlib import Path

from servers.failure import Failure
from servers.folder import working_folder
from servers.interruption import carry_out
from servers.processes import Processes

from . import scenes
from .replicas import end_leftovers

# By name: whether a pooler stands before PostgreSQL, and what happens, in this order.
PARTS = {
    "direct": (False, [
        ("rolling restart", scenes.roll), ("loss of a node", scenes.lose_node),
        ("loss of PostgreSQL's leader", scenes.lose_leader)]),
    "pooled": (True, [
        ("prepared statements, which PgBouncer doesn't keep", scenes.lend_sessions),
        ("loss of PostgreSQL's leader behind PgBouncer", scenes.lose_leader)]),
}


def play(name: str, folder: Path) -> None:
    pooled, happenings = PARTS[name]
    processes = Processes()
    try:
        say(f"{name}: starting two members of PostgreSQL and two nodes")
        scene = scenes.Scene(folder, processes, pooled=pooled)
        for what, happening in happenings:
            say(f"{name}: {what}: {happening(scene)}")
    finally:
        processes.stop_all()
        end_leftovers(folder)


def say(text: str) -> None:
    print(f"failover: {text}", flush=True)


def play_all() -> None:
    start = time.monotonic()
    for name in chosen():
        with working_folder("failover", keep=bool(os.environ.get("FAILOVER_KEEP"))) as folder:
            try:
                play(name, folder)
            except Failure as failure:
                raise Failure(f"{name}: {failure}") from None
    say(f"everything held, in {time.monotonic() - start:.0f} s")


def chosen() -> list[str]:
    return os.environ["FAILOVER_ONLY"].split(",") if os.environ.get("FAILOVER_ONLY") else list(PARTS)


def main() -> int:
    if set(chosen()) - set(PARTS):
        print(f"failover: FAILOVER_ONLY is one or more of {', '.join(PARTS)}", file=sys.stderr)
        return 64
    return carry_out("failover", play_all)


sys.exit(main())
