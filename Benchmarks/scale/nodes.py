"""Rounds of verifications, and what they leave in the database: commits and WAL."""

import re
import statistics
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from bench import load
from bench.cluster import Cluster
from bench.keys import WIDTH
from bench.servers import Keymeter


@dataclass
class Toll:
    """What the rounds of a part cost beside time; one element a round."""

    per_commit: list[float] = field(default_factory=list)
    wal_bytes: list[float] = field(default_factory=list)
    connections: int = 0

    @property
    def batch(self) -> float:
        return statistics.median(self.per_commit)

    @property
    def wal(self) -> float:
        return statistics.median(self.wal_bytes)


def verify(cluster: Cluster, servers: list[Keymeter], keys: Path, connections: int, toll: Toll, count):
    """Measures `GET /api/v1/verify` on several servers at once; `count` is told how many were answered."""
    places = [(server.process.pid, server.url + "/api/v1/verify") for server in servers]
    database = servers[0].keys.database

    def measure(seconds: float) -> load.Sample:
        commits, position = sum(_batches(server) for server in servers), _position(cluster)
        sample = load.http(cluster, places, keys, WIDTH, connections, seconds)
        done = sum(_batches(server) for server in servers) - commits
        toll.per_commit.append(sample.requests / max(1, done))
        toll.wal_bytes.append((_position(cluster) - position) / sample.requests)
        toll.connections = max(toll.connections, int(cluster.sql("postgres", f"""
            SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'""")))
        count(database, sample.requests)
        return sample
    return measure


def _batches(server: Keymeter) -> int:
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return int(float(re.search(r"^keymeter_admission_batch_size_count(?:\{\})? (\S+)", text, re.M)[1]))


def _position(cluster: Cluster) -> int:
    return int(cluster.sql("postgres", "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
