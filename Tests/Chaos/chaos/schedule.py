"""The schedule of faults, generated from the seed before the run starts."""

import random
from dataclasses import dataclass

from .proxy import BLACKHOLE, CUTS

# Three tracks run side by side. Faults of one track never overlap; faults of different tracks may.
TRACKS = {
    "nodes": ("kill a node", "freeze a node"),
    "PostgreSQL": (
        "kill the postmaster", "kill all of PostgreSQL", "kill a backend", "freeze PostgreSQL", "fill the disk"),
    "network": (*(f"cut {mode}" for mode in CUTS), BLACKHOLE),
}
# The range of pauses between two faults of a track, in seconds.
PAUSES = {"nodes": (3.0, 7.0), "PostgreSQL": (3.0, 7.0), "network": (2.0, 5.0)}
# The range of durations of each fault, in seconds.
DURATIONS = {
    "kill a node": (0.2, 3.0), "freeze a node": (3.0, 9.0), "kill the postmaster": (0.0, 1.5),
    "kill all of PostgreSQL": (0.0, 1.5), "kill a backend": (0.0, 0.0), "freeze PostgreSQL": (3.0, 8.0),
    "fill the disk": (1.0, 3.0), BLACKHOLE: (2.0, 7.0), **{f"cut {mode}": (2.0, 4.0) for mode in CUTS},
}


@dataclass(frozen=True)
class Fault:
    kind: str
    # Seconds after the end of the track's previous fault.
    pause: float
    duration: float
    # A random number that selects the node, the backend or the links.
    choice: int
    # For cuts: every how many commits a connection is cut.
    every: int

    def __str__(self) -> str:
        return f"{self.kind} for {self.duration:.1f} s"


def draw(seed: int, seconds: float) -> dict[str, list[Fault]]:
    """For each track, every kind once in random order, then random kinds until the time is used up."""
    return {name: _track(random.Random(f"{seed} {name}"), name, seconds) for name in TRACKS}


def _track(rng: random.Random, name: str, seconds: float) -> list[Fault]:
    first, faults, planned = list(TRACKS[name]), [], 0.0
    rng.shuffle(first)
    while first or planned < seconds:
        kind = first.pop() if first else rng.choice(TRACKS[name])
        fault = Fault(
            kind, rng.uniform(*PAUSES[name]), rng.uniform(*DURATIONS[kind]), rng.randrange(1 << 16), rng.randint(2, 12))
        faults.append(fault)
        # Recovery takes about a second.
        planned += fault.pause + fault.duration + 1
    return faults
