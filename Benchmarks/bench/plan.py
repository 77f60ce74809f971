"""What is measured, in which order, and how long."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .load import Measured, Sample


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float
    growth: tuple[int, ...]
    growth_connections: tuple[int, ...]
    connections: tuple[int, ...] = (1, 16, 64, 256)
    keys: int = 10_000
    pgbench_clients: int = 64


FULL = Plan(rounds=3, seconds=5, growth=(1_000, 100_000, 1_000_000), growth_connections=(1, 16, 64, 256))
QUICK = Plan(rounds=2, seconds=2, growth=(1_000, 100_000), growth_connections=(256,))


def chosen() -> Plan:
    return QUICK if os.environ.get("BENCH_QUICK", "") not in ("", "0") else FULL


@dataclass
class Part:
    """One line of the results: a name, how many connections, and how to measure it for so many seconds."""

    name: str
    connections: int
    measure: Callable[[float], Sample]
    samples: list[Sample] = field(default_factory=list)


class Parts:
    """The parts of one table; they take turns in short rounds, so that a drift of the machine hits all alike."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def add(self, name: str, connections: int, measure: Callable[[float], Sample]) -> None:
        self.parts.append(Part(name, connections, measure))

    def run(self, rounds: int, seconds: float) -> None:
        for number in range(rounds):
            # Every other round backwards: no part always follows the same one.
            for part in self.parts if number % 2 == 0 else reversed(self.parts):
                sample = part.measure(seconds)
                part.samples.append(sample)
                print(f"  round {number + 1}/{rounds}  {part.name}, {part.connections}: {sample.rate:,.0f}/s",
                      file=sys.stderr, flush=True)
                # What one part leaves behind for the kernel and the database to tidy up is not the next one's.
                time.sleep(0.2)

    def results(self) -> dict[tuple[str, int], Measured]:
        return {(part.name, part.connections): Measured.of(part.samples) for part in self.parts}
