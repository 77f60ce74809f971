"""The run: the scene, the faults, the laws, and nothing left behind; in less than five minutes, whatever happens."""

import os
import random
import signal
import sys
import time
from collections import Counter

from servers.failure import Failure, law
from servers.folder import working_folder
from servers.interruption import carry_out
from servers.processes import Processes

from . import laws, namespace, schedule
from .disk import Disk
from .doctored import see_it_break
from .history import History
from .kept import Kept
from .scene import Scene

# How long faults are made for.
SECONDS = 150.0
# When a run is given up, and how long it may then take to end its servers.
LONGEST, LONGEST_ENDING = 270, 25


def say(text: str) -> None:
    print(f"chaos: {text}", flush=True)


def play(seed: int) -> None:
    begun, processes = time.monotonic(), Processes()
    plan = schedule.draw(seed, float(os.environ.get("CHAOS_SECONDS", SECONDS)))
    with working_folder("chaos", keep=bool(os.environ.get("CHAOS_KEEP"))) as folder, Disk(folder) as disk:
        try:
            say(f"seed {seed}; starting PostgreSQL on a disk of its own, and the nodes")
            scene = Scene(folder, disk, processes, seed)
            scene.play(plan, lambda text: say(f"{time.monotonic() - begun:5.1f} s  {text}"))
            found = scene.end()
            laws.hold(scene.history, found)
            broken = see_it_break(scene.history, found)
            made(scene, plan)
            tell(scene, found, broken)
        finally:
            processes.stop_all()
    say(f"everything held, in {time.monotonic() - begun:.0f} s")


def made(scene: Scene, plan: dict[str, list[schedule.Fault]]) -> None:
    """That a fault was planned proves nothing: each kind must have been made."""
    planned = Counter(fault.kind for faults in plan.values() for fault in faults)
    law(scene.faults.made == planned, f"planned were {planned}, and made {scene.faults.made}")
    cuts = scene.wires.counts()
    for mode in ("before", "at once", "half", "after", "silence"):
        law(cuts.get(mode, 0) > 0, f"no connection was cut in this way: {mode}")


def tell(scene: Scene, found: Kept, broken: int) -> None:
    history: History = scene.history
    say(f"faults: {counted(scene.faults.made)}; PostgreSQL started again {scene.faults.starts} times")
    say(f"connections cut: {counted(scene.wires.counts())}")
    say(f"verifications: {counted(Counter(one.noted.status for one in history.verifications))} (0: no answer)")
    unclear, charged = unknown_charges(history, found)
    say(f"requests of unknown outcome: {unclear}, of which {charged} were charged")
    late = sum(one.noted.status == 401 and history.freezes.within(one.noted) > 0 for one in history.verifications)
    say(f"values that were dead, used on a node that was frozen: {late}")
    changes = Counter(change.kind for change in history.changes if change.acknowledged is not None)
    unclear = sum(
        change.acknowledged is None and any(one.noted.is_unclear for one in change.attempts) for change in history.changes)
    say(f"changes answered: {counted(changes)}; {unclear} of unknown outcome")
    repeats = sum(len(report.attempts) - 1 for report in history.reports)
    settled = sum(any(noted.status == 200 for noted in holding.settling) for holding in history.holdings)
    say(f"reports: {len(history.reports)}, after {repeats} repeats; reservations: "
        f"{sum(holding.id is not None for holding in history.holdings)}, {settled} of them settled")
    longest = max(
        noted.ended - noted.begun - history.freezes.within(noted) for noted in history.all_noted() if noted.patient)
    say(f"no answer took longer than {longest:.1f} s; all nodes were ready {scene.recovered_in:.1f} s after the last fault")
    say(f"{len(laws.LAWS)} laws held, and refused {broken} forgeries")


def unknown_charges(history: History, found: Kept) -> tuple[int, int]:
    """How many requests of keys nobody knows whether they were admitted; and how many the database knows of."""
    unclear = charged = 0
    for key, verifications in laws.by_key(history).items():
        unclear += sum(one.asked["requests"] for one in verifications if one.noted.is_unclear)
        admitted = sum(one.asked["requests"] for one in verifications if one.noted.status == 200)
        charged += found.usage[key].requests - admitted if key in found.usage else 0
    return unclear, charged


def counted(counter: dict) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counter.items(), key=lambda item: str(item[0])))


def give_up(_number, _frame) -> None:
    # Whatever hangs then is ended by the kernel, and with it all that was started.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LONGEST_ENDING)
    raise Failure(f"not done in {LONGEST} s")


def run() -> None:
    namespace.enter()
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST)
    try:
        play(seed)
    except Failure as failure:
        again = {"CHAOS_SEED": seed} | {name: os.environ[name] for name in ("CHAOS_SECONDS",) if name in os.environ}
        words = " ".join(f"{name}={value}" for name, value in again.items())
        raise Failure(f"{failure}\nchaos: for the same again: {words} make chaos") from None


if __name__ == "__main__":
    sys.exit(carry_out("chaos", run))
