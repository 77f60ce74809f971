"""What will happen, and when: drawn from the seed before anything begins."""

import random
from dataclasses import dataclass

from .wires import CUTS

# Three rows of faults go on side by side: those of one row never meet, those of different rows do as they like.
ROWS = {
    "nodes": ("kill a node", "freeze a node"),
    "PostgreSQL": (
        "kill the postmaster", "kill all of PostgreSQL", "kill a backend", "freeze PostgreSQL", "fill the disk"),
    "network": (*(f"cut {mode}" for mode in CUTS), "silence"),
}
# How long nothing is done in a row between two faults, in seconds.
PEACE = {"nodes": (3.0, 7.0), "PostgreSQL": (3.0, 7.0), "network": (2.0, 5.0)}
# How long a fault lasts.
LENGTHS = {
    "kill a node": (0.2, 3.0), "freeze a node": (3.0, 9.0), "kill the postmaster": (0.0, 1.5),
    "kill all of PostgreSQL": (0.0, 1.5), "kill a backend": (0.0, 0.0), "freeze PostgreSQL": (3.0, 8.0),
    "fill the disk": (1.0, 3.0), "silence": (2.0, 7.0), **{f"cut {mode}": (2.0, 4.0) for mode in CUTS},
}


@dataclass(frozen=True)
class Fault:
    kind: str
    # Seconds from the end of the one before it in its row.
    after: float
    lasts: float
    # Whatever the kind draws: which node, which backend, which wires.
    choice: int
    every: int

    def __str__(self) -> str:
        return f"{self.kind} for {self.lasts:.1f} s"


def draw(seed: int, seconds: float) -> dict[str, list[Fault]]:
    """For each row every kind once, in an order of its own, and then whatever comes, until the time is over."""
    return {name: _row(random.Random(f"{seed} {name}"), name, seconds) for name in ROWS}


def _row(drawn: random.Random, name: str, seconds: float) -> list[Fault]:
    first, faults, planned = list(ROWS[name]), [], 0.0
    drawn.shuffle(first)
    while first or planned < seconds:
        kind = first.pop() if first else drawn.choice(ROWS[name])
        fault = Fault(
            kind, drawn.uniform(*PEACE[name]), drawn.uniform(*LENGTHS[kind]), drawn.randrange(1 << 16),
            drawn.randint(2, 12))
        faults.append(fault)
        # About what it takes until all is well again.
        planned += fault.after + fault.lasts + 1
    return faults
