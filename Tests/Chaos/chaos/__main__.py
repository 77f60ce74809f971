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

from . import books, laws, namespace, schedule
from .disk import Disk
from .doctored import see_it_break
from .figures import tell
from .scene import Scene

# How long faults are made for.
SECONDS, LONGEST_SECONDS = 150, 200
# When a run is given up, and how long it may then take to end its servers.
LONGEST, LONGEST_ENDING = 270, 25


def say(text: str) -> None:
    print(f"chaos: {text}", flush=True)


def play(seed: int) -> None:
    begun, processes = time.monotonic(), Processes()
    plan = schedule.draw(seed, setting("CHAOS_SECONDS", SECONDS, LONGEST_SECONDS))
    keep = bool(os.environ.get("CHAOS_KEEP"))
    with working_folder("chaos", keep=keep) as folder, Disk(folder) as disk:
        try:
            say(f"seed {seed}; starting PostgreSQL on a disk of its own, and the nodes")
            scene = Scene(folder, disk, processes, seed)
            scene.play(plan, lambda text: say(f"{time.monotonic() - begun:5.1f} s  {text}"))
            found = scene.end()
            if keep:
                books.write(scene.history, found, folder / "books.jsonl")
            laws.hold(scene.history, found)
            broken = see_it_break(scene.history, found)
            made(scene, plan)
            tell(scene, found, broken, say)
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


def setting(name: str, otherwise: int, most: int) -> int:
    """A whole number from the environment."""
    text = os.environ.get(name, "")
    law(text == "" or text.isdecimal() and int(text) <= most, f"{name} is a whole number, {most} at most")
    return int(text) if text else otherwise


def give_up(_number, _frame) -> None:
    # Whatever hangs then is ended by the kernel, and with it all that was started.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LONGEST_ENDING)
    raise Failure(f"not done in {LONGEST} s")


def run() -> None:
    namespace.enter()
    seed = setting("CHAOS_SEED", random.SystemRandom().randrange(1_000_000), 1_000_000_000)
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
