"""The servers that are measured: Keymeter, and the peer."""

import base64
import hashlib
import os
import random
import re
import subprocess
import time
import urllib.request
from pathlib import Path

from .cluster import Cluster
from .keys import KeySet
from .processes import BenchError, Processes, await_line, free_port, run

HERE = Path(__file__).resolve().parent.parent


class Keymeter:
    """`keymeter serve` over one set of keys."""

    def __init__(self, binary: Path, cluster: Cluster, keys: KeySet, pepper: bytes) -> None:
        self.binary, self.cluster, self.keys = binary, cluster, keys
        self.environment = {
            "PATH": os.environ["PATH"], "DATABASE_URL": cluster.url(keys.database),
            "KEYMETER_PEPPERS": f"bench:{base64.b64encode(pepper).decode()}", "KEYMETER_LOG_FORMAT": "text",
        }

    def migrate(self) -> None:
        self.command("migrate", seconds=60)

    def command(self, *arguments: str, seconds: float = 60, **more) -> str:
        """Runs `keymeter` on this database to its end."""
        return run([str(self.binary), *arguments], seconds=seconds, env=self.environment, **more)

    def start(self, processes: Processes, name: str = "server") -> None:
        """`name` tells several servers of one database apart."""
        log = self.cluster.folder / f"{self.keys.database}.{name}.log"
        self.process = processes.start(
            [str(self.binary), "serve", "--host", "127.0.0.1", "--port", "0"], log=log, env=self.environment)
        port = await_line(self.process, log, lambda text: re.search(r"listening.*port=(\d+)", text))[1]
        self.url = f"http://127.0.0.1:{port}"


class Keygate:
    """fastapi-keygate under uvicorn, as many workers as there are processors, on the same cluster."""

    database = "keygate"
    width = len("kg_") + 8 + len("_") + 43
    # A limit like Keymeter's keys have, and as far away. It is the only kind that keygate has: a window of time.
    per_minute = 1_000_000

    def __init__(self, cluster: Cluster, count: int) -> None:
        self.cluster, self.count = cluster, count
        self.python = HERE.parent / ".build-tools" / "bench" / "bin" / "python"
        self.environment = {
            "PATH": os.environ["PATH"],
            "KEYGATE_DATABASE": cluster.url(self.database, scheme="postgresql+psycopg"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.file = cluster.folder / "keygate.txt"

    def load(self) -> None:
        self.cluster.create(self.database)
        # Importing the app makes the tables; the workers would get into each other's way at it.
        run([str(self.python), "-c", "import keygate_app"], seconds=60, env=self.environment, cwd=HERE / "peers")
        seeded = random.Random(self.count)
        rows = self.cluster.folder / "keygate.rows"
        with self.file.open("w") as plain, rows.open("w") as row:
            for number in range(self.count):
                prefix = f"{number:08x}"
                secret = base64.urlsafe_b64encode(seeded.randbytes(32)).decode().rstrip("=")
                text = f"kg_{prefix}_{secret}"
                plain.write(text + "\n")
                digest = hashlib.sha256(text.encode()).hexdigest()
                row.write(f"{number + 1}\t{prefix}\t{digest}\towner-{number // 100}\t{self.per_minute}\t"
                          "2026-01-01 00:00:00\tincidents:read incidents:write\n")
        self.cluster.copy(
            self.database, "keygate_keys (id, prefix, key_hash, owner_id, per_minute, created_at, scopes)", rows)
        rows.unlink()
        self.cluster.sql(self.database, "VACUUM (ANALYZE)")

    def start(self, processes: Processes) -> None:
        port = free_port()
        self.process = processes.start(
            [str(self.python), "-m", "uvicorn", "keygate_app:app", "--host", "127.0.0.1", "--port", str(port),
             "--workers", str(os.cpu_count()), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
             "--log-level", "warning"],
            log=self.cluster.folder / "keygate.log", env=self.environment, cwd=HERE / "peers")
        self.url = f"http://127.0.0.1:{port}/verify"
        self._await_answer()

    def _await_answer(self) -> None:
        key = self.file.read_text()[: self.width]
        deadline = time.monotonic() + 30
        while True:
            try:
                request = urllib.request.Request(self.url, headers={"X-API-Key": key})
                with urllib.request.urlopen(request, timeout=5):
                    return
            except OSError as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise BenchError(f"the peer did not start: {error}") from None
                time.sleep(0.1)


def binary() -> Path:
    """What is measured: BENCH_BINARY, or the release build."""
    path = Path(os.environ.get("BENCH_BINARY") or HERE.parent / ".build" / "release" / "keymeter")
    if not path.exists():
        raise BenchError("there is no release build: run make build")
    return path.resolve()


def version(path: Path) -> str:
    return subprocess.run([str(path), "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
