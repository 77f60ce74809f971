"""The run: one scene after the other, each on servers of its own, and nothing left behind."""

import os
import pwd
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import scenes
from .processes import FailoverError, Processes, service_user
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
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


def make_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="keymeter-failover-", dir="/tmp"))
    if user := service_user():
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    return folder


def say(text: str) -> None:
    print(f"failover: {text}", flush=True)


def interrupted(number, _frame) -> None:
    # Once: a second one must not cut short what ends the servers.
    for ignored in ENDINGS:
        signal.signal(ignored, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def main() -> int:
    for number in ENDINGS:
        signal.signal(number, interrupted)
    chosen = os.environ.get("FAILOVER_ONLY", "").split(",") if os.environ.get("FAILOVER_ONLY") else list(PARTS)
    start = time.monotonic()
    for name in chosen:
        if name not in PARTS:
            print(f"failover: FAILOVER_ONLY is one or more of {', '.join(PARTS)}", file=sys.stderr)
            return 64
        folder = make_folder()
        try:
            play(name, folder)
        except FailoverError as error:
            print(f"failover: {name}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("failover: interrupted", file=sys.stderr)
            return 130
        finally:
            if os.environ.get("FAILOVER_KEEP"):
                say(f"logs: {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    say(f"everything held, in {time.monotonic() - start:.0f} s")
    return 0


sys.exit(main())
