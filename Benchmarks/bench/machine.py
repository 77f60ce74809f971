"""Describes the machine that was measured, without identifying it."""

import os
import platform
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from servers.failure import Failure

from .cluster import Cluster

HERE = Path(__file__).resolve().parent.parent


def require_disk(folder: Path) -> None:
    if file_system(folder) in ("tmpfs", "ramfs"):
        raise Failure("the cluster's folder is in memory, where commits are not durable: set BENCH_DIR to one on a disk")


def file_system(folder: Path) -> str:
    command = ["stat", "-f", "-c", "%T", str(folder)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def sync_microseconds(folder: Path) -> float:
    """The median time to overwrite 8 KiB of a file durably, which is what each commit waits for."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(8192))
        os.fsync(file.fileno())
        for _ in range(200):
            file.seek(0)
            file.write(os.urandom(8192))
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def describe(cluster: Cluster) -> list[tuple[str, str]]:
    cpuinfo, meminfo = Path("/proc/cpuinfo").read_text(), Path("/proc/meminfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", cpuinfo)
    memory = int(re.search(r"MemTotal:\s*(\d+)", meminfo)[1]) / 1024 / 1024
    virtual = "hypervisor" in cpuinfo
    commit = subprocess.run(["git", "-C", str(HERE), "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    return [
        ("Processors", f"{os.cpu_count()} × {model[1] if model else platform.machine()}"
                       + (", virtual" if virtual else "")),
        ("Memory", f"{memory:.0f} GiB"),
        ("Disk", f"{file_system(cluster.folder)}; a durable write of 8 KiB takes "
                 f"{sync_microseconds(cluster.folder):.0f} µs (median)"),
        ("System", f"Linux {platform.release().split('-')[0]}, {_distribution()}"),
        ("PostgreSQL", f"{cluster.version()}, defaults except "
                       + ", ".join(f"{name} {value}" for name, value in cluster.settings.items()) + "; data checksums on"),
        ("Keymeter", f"commit {commit or 'unknown'}, release build, default settings"),
        ("Date", time.strftime("%Y-%m-%d", time.gmtime())),
    ]


def _distribution() -> str:
    found = re.search(r'PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text())
    return found[1] if found else "unknown"


def load_average() -> float:
    return os.getloadavg()[0]
