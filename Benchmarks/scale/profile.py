"""How much data the scale benchmark loads, and how long it measures."""

from dataclasses import dataclass

from bench.profile import is_quick


@dataclass(frozen=True)
class Profile:
    keys: int
    # Keys of the large organisation. All of them were used on every day of a year.
    large: int
    # The number of rows in each other table: reservations, events, idempotency keys, audit entries and former secrets.
    others: int
    rounds: int
    # The length of a round, in seconds.
    seconds: float
    connections: tuple[int, ...]
    # How many keys the client draws from, with either key set.
    drawn: int
    # The key counts with which each migration is timed.
    migrated: tuple[int, ...]
    # In seconds.
    report_timeout: int
    disk_gigabytes: int
    # The key count of the small set.
    small: int = 10_000
    nodes: tuple[int, ...] = (1, 2, 4)
    nodes_connections: tuple[int, ...] = (64, 256)


FULL = Profile(
    keys=10_000_000, large=100_000, others=1_000_000, rounds=3, seconds=5, connections=(1, 64, 256), drawn=1_000_000,
    migrated=(1_000_000, 2_000_000), report_timeout=60, disk_gigabytes=36)
QUICK = Profile(
    keys=200_000, large=5_000, others=50_000, rounds=1, seconds=2, connections=(64,), drawn=100_000,
    migrated=(50_000,), report_timeout=60, disk_gigabytes=4, nodes_connections=(64,))


def selected() -> Profile:
    return QUICK if is_quick() else FULL
