"""Measures for some seconds: throughput, latency, and the CPU time of the client, the servers and PostgreSQL."""

import json
import resource
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from servers.failure import Failure
from servers.processes import find_tool, run

from .cluster import Cluster
from .process_stats import cpu_seconds

HERE = Path(__file__).resolve().parent.parent


@dataclass
class Sample:
    """One round of one case. Times are in seconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    client_cpu: float
    server_cpu: float = 0.0
    database_cpu: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass
class Summary:
    """The medians of a case's rounds. CPU times are per request."""

    rate: float
    p50: float
    p99: float
    client_cpu: float
    server_cpu: float
    database_cpu: float
    # The range of the rates, relative to their median.
    spread: float

    @classmethod
    def of(cls, samples: list[Sample]) -> "Summary":
        def median(value) -> float:
            return statistics.median(value(sample) for sample in samples)

        rates = [sample.rate for sample in samples]
        return cls(
            rate=median(lambda s: s.rate), p50=median(lambda s: s.p50), p99=median(lambda s: s.p99),
            client_cpu=median(lambda s: s.client_cpu / s.requests), server_cpu=median(lambda s: s.server_cpu / s.requests),
            database_cpu=median(lambda s: s.database_cpu / s.requests),
            spread=(max(rates) - min(rates)) / statistics.median(rates))


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _with_cpu(cluster: Cluster, servers: list[int], body) -> Sample:
    """Runs `body` and measures the CPU time used during it."""
    def readings() -> tuple[float, float, float]:
        return (_children_cpu(), sum(cpu_seconds(server, tree=True) for server in servers),
                cpu_seconds(cluster.process.pid, tree=True))

    before = readings()
    requests, seconds, p50, p99 = body()
    client, server, database = (after - start for after, start in zip(readings(), before))
    return Sample(requests, seconds, p50, p99, client, server, database)


def wrk(
    cluster: Cluster, servers: list[tuple[int, str]], keys: Path, width: int, connections: int, seconds: float
) -> Sample:
    """Runs wrk with one thread per server, given as process id and URL. The servers share the connections equally.

    With several servers, the p50 is the mean weighted by requests and the p99 the highest.
    """

    def one(server: tuple[int, str]) -> dict:
        _, url = server
        output = run([find_tool("wrk"), "-t1", f"-c{connections // len(servers)}", f"-d{seconds:g}s", "--timeout", "10s",
                      "-s", str(HERE / "wrk" / "keys.lua"), url, "--", str(keys), str(width)], seconds=seconds + 60)
        result = json.loads(output.rpartition("result=")[2])
        if result["failed"] or result["broken"] or not result["requests"]:
            raise Failure(f"not every request to {url} succeeded:\n{output}")
        return result

    def body():
        with ThreadPoolExecutor(len(servers)) as pool:
            results = list(pool.map(one, servers))
        requests = sum(result["requests"] for result in results)
        longest = max(result["microseconds"] for result in results)
        p50 = sum(result["p50"] * result["requests"] for result in results) / requests
        return requests, longest / 1e6, p50 / 1e6, max(result["p99"] for result in results) / 1e6

    return _with_cpu(cluster, [pid for pid, _ in servers], body)


def pgbench(cluster: Cluster, database: str, keys: int, clients: int, seconds: float) -> Sample:
    """Runs pgbench over the Unix socket. Its transaction log gives the percentiles, which it does not print."""
    folder = cluster.folder / "pgbench"
    folder.mkdir(exist_ok=True)

    def body():
        run([str(cluster.bin / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(2, clients)),
             "-T", f"{max(1, round(seconds))}", "-D", f"keys={keys}", "-f", str(HERE / "pgbench" / "charge.sql"),
             "-l", "--log-prefix=log", "-h", str(cluster.folder), "-U", "postgres", database],
            seconds=seconds + 60, cwd=folder)
        times, ends = [], []
        for log in folder.glob("log*"):
            for line in log.read_text().splitlines():
                fields = line.split()
                times.append(int(fields[2]))
                ends.append(int(fields[4]) * 1_000_000 + int(fields[5]))
            log.unlink()
        times.sort()
        # From the first transaction's end to the last one's, so that connecting does not count.
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        return len(times), (max(ends) - min(ends)) / 1e6, p50 / 1e6, p99 / 1e6

    return _with_cpu(cluster, [], body)
