"""How much is loaded, and how long each thing is measured."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    keys: int
    # Of the large organisation, whose keys were all used on every day of a year.
    large: int
    # Reservations, events, names of requests and audit entries: as many of each.
    others: int
    rounds: int
    seconds: float
    connections: tuple[int, ...]
    # How many keys the client draws from, of either database.
    drawn: int
    # For the time that each migration takes on rows.
    migrated: tuple[int, ...]
    # How long a report may take, in seconds.
    patience: int
    disk_gigabytes: int
    few: int = 10_000
    nodes: tuple[int, ...] = (1, 2, 4)
    nodes_connections: tuple[int, ...] = (64, 256)


FULL = Plan(
    keys=10_000_000, large=100_000, others=1_000_000, rounds=3, seconds=5, connections=(1, 64, 256), drawn=1_000_000,
    migrated=(1_000_000, 2_000_000), patience=60, disk_gigabytes=36)
QUICK = Plan(
    keys=200_000, large=5_000, others=50_000, rounds=1, seconds=2, connections=(64,), drawn=100_000,
    migrated=(50_000,), patience=60, disk_gigabytes=4, nodes_connections=(64,))


def chosen() -> Plan:
    return QUICK if os.environ.get("BENCH_QUICK", "") not in ("", "0") else FULL
