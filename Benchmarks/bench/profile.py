"""How much the side-by-side benchmark measures."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    rounds: int
    # The length of a round, in seconds.
    seconds: float
    growth: tuple[int, ...]
    growth_connections: tuple[int, ...]
    connections: tuple[int, ...] = (1, 16, 64, 256)
    keys: int = 10_000
    pgbench_clients: int = 64


FULL = Profile(rounds=3, seconds=5, growth=(1_000, 100_000, 1_000_000), growth_connections=(1, 16, 64, 256))
QUICK = Profile(rounds=2, seconds=2, growth=(1_000, 100_000), growth_connections=(256,))


def is_quick() -> bool:
    return os.environ.get("BENCH_QUICK", "") not in ("", "0")


def selected() -> Profile:
    return QUICK if is_quick() else FULL
