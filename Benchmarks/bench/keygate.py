"""The peer that Keymeter is compared with."""

import base64
import hashlib
import os
import random
import urllib.request
from pathlib import Path

from servers.failure import Failure
from servers.processes import Processes, free_port, run, wait_until

from .cluster import Cluster

HERE = Path(__file__).resolve().parent.parent


class Keygate:
    """fastapi-keygate under uvicorn on the same cluster, with one worker per processor."""

    database = "keygate"
    width = len("kg_") + 8 + len("_") + 43
    # A limit as unreachable as those of Keymeter's keys. keygate has only limits over a time window.
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
        # Importing the app creates the tables. The workers would do that concurrently and fail.
        run([str(self.python), "-c", "import keygate_app"], env=self.environment, cwd=HERE / "peers")
        rng = random.Random(self.count)
        rows = self.cluster.folder / "keygate.rows"
        with self.file.open("w") as plaintexts, rows.open("w") as row:
            for number in range(self.count):
                prefix = f"{number:08x}"
                secret = base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")
                text = f"kg_{prefix}_{secret}"
                plaintexts.write(text + "\n")
                key_hash = hashlib.sha256(text.encode()).hexdigest()
                row.write(f"{number + 1}\t{prefix}\t{key_hash}\towner-{number // 100}\t{self.per_minute}\t"
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
        wait_until("the peer verifies a key", self._verifies)

    def _verifies(self) -> bool:
        request = urllib.request.Request(self.url, headers={"X-API-Key": self.file.read_text()[: self.width]})
        try:
            with urllib.request.urlopen(request, timeout=5):
                return True
        except OSError as error:
            if self.process.poll() is not None:
                raise Failure(f"the peer did not start: {error}") from None
            return False
