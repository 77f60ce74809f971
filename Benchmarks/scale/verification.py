"""Measures verifications, and the commits and WAL that they cause."""

import re
import statistics
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench import measurement
from bench.cluster import Cluster
from bench.keymeter import Keymeter
from bench.keys import WIDTH


@dataclass
class CommitStats:
    """What a case costs PostgreSQL. Each list has one element per round."""

    requests_per_commit: list[float] = field(default_factory=list)
    wal_bytes_per_request: list[float] = field(default_factory=list)
    connections: int = 0

    @property
    def batch_size(self) -> float:
        return statistics.median(self.requests_per_commit)

    @property
    def wal_bytes(self) -> float:
        return statistics.median(self.wal_bytes_per_request)


def measure(
        cluster: Cluster, servers: list[Keymeter], keys: Path, connections: int, stats: CommitStats,
        admitted: Counter[str]):
    """Measures `GET /api/v1/verify` on several servers of one database, and adds to `stats` and `admitted`."""
    targets = [(server.process.pid, server.url + "/api/v1/verify") for server in servers]
    database = servers[0].keys.database

    def measure_round(seconds: float) -> measurement.Sample:
        batches, position = sum(_batches(server) for server in servers), _wal_position(cluster)
        sample = measurement.wrk(cluster, targets, keys, WIDTH, connections, seconds)
        commits = sum(_batches(server) for server in servers) - batches
        stats.requests_per_commit.append(sample.requests / max(1, commits))
        stats.wal_bytes_per_request.append((_wal_position(cluster) - position) / sample.requests)
        stats.connections = max(stats.connections, int(cluster.sql("postgres", f"""
            SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'""")))
        admitted[database] += sample.requests
        return sample
    return measure_round


def _batches(server: Keymeter) -> int:
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as response:
        text = response.read().decode()
    return int(float(re.search(r"^keymeter_admission_batch_size_count(?:\{\})? (\S+)", text, re.M)[1]))


def _wal_position(cluster: Cluster) -> int:
    return int(cluster.sql("postgres", "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
