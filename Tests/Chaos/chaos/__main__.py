"""One run: start the servers, inject faults under load, check the invariants, clean up. Takes less than five minutes."""

import os
import random
import signal
import sys
import time
from collections import Counter

from servers.failure import Failure, require
from servers.folder import working_folder
from servers.processes import Processes
from servers.termination import run_main

from . import invariants, journal_export, namespace, schedule
from .disk import Disk
from .proxy import BLACKHOLE, CUTS
from .summary import print_summary
from .tampering import check_tampering_is_detected
from .testbed import Testbed

# How long faults are injected, in seconds: the default and the most that CHAOS_SECONDS may ask for.
SECONDS, MAX_SECONDS = 150, 200
# The time limit of a run, and of the cleanup after it, in seconds.
TIME_LIMIT, CLEANUP_LIMIT = 270, 25


def say(text: str) -> None:
    print(f"chaos: {text}", flush=True)


def run_seed(seed: int) -> None:
    started, processes = time.monotonic(), Processes()
    plan = schedule.draw(seed, read_setting("CHAOS_SECONDS", SECONDS, MAX_SECONDS))
    keep = bool(os.environ.get("CHAOS_KEEP"))
    with working_folder("chaos", keep=keep) as folder, Disk(folder) as disk:
        try:
            say(f"seed {seed}; starting PostgreSQL and the nodes")
            testbed = Testbed(folder, disk, processes, seed)
            testbed.run(plan, lambda text: say(f"{time.monotonic() - started:5.1f} s  {text}"))
            state = testbed.finish()
            if keep:
                journal_export.write(testbed.journal, state, folder / "journal.jsonl")
            invariants.check_all(testbed.journal, state)
            tampered = check_tampering_is_detected(testbed.journal, state)
            require_all_faults(testbed, plan)
            print_summary(testbed, state, tampered, say)
        finally:
            processes.stop_all()
    say(f"all invariants held, in {time.monotonic() - started:.0f} s")


def require_all_faults(testbed: Testbed, plan: dict[str, list[schedule.Fault]]) -> None:
    """Each planned fault must have been injected, and each way to cut a connection must have cut at least one."""
    planned = Counter(fault.kind for faults in plan.values() for fault in faults)
    injected = testbed.injector.injected
    require(injected == planned, f"planned {planned}, but injected {injected}")
    cuts = testbed.proxy.cut_counts()
    for mode in (*CUTS, BLACKHOLE):
        require(cuts.get(mode, 0) > 0, f"no connection was cut in mode {mode!r}")


def read_setting(name: str, default: int, maximum: int) -> int:
    """Reads a whole number from the environment."""
    text = os.environ.get(name, "")
    require(text == "" or text.isdecimal() and int(text) <= maximum, f"{name} must be a whole number, at most {maximum}")
    return int(text) if text else default


def on_time_limit(_number, _frame) -> None:
    # If the cleanup hangs too, the second alarm kills this process, and the kernel then ends the servers.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(CLEANUP_LIMIT)
    raise Failure(f"not done after {TIME_LIMIT} s")


def run() -> None:
    namespace.enter()
    seed = read_setting("CHAOS_SEED", random.SystemRandom().randrange(1_000_000), 1_000_000_000)
    signal.signal(signal.SIGALRM, on_time_limit)
    signal.alarm(TIME_LIMIT)
    try:
        run_seed(seed)
    except Failure as failure:
        settings = {"CHAOS_SEED": seed} | {name: os.environ[name] for name in ("CHAOS_SECONDS",) if name in os.environ}
        words = " ".join(f"{name}={value}" for name, value in settings.items())
        raise Failure(f"{failure}\nchaos: to reproduce: {words} make chaos") from None


if __name__ == "__main__":
    sys.exit(run_main("chaos", run))
