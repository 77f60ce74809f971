"""A private PostgreSQL cluster on a unix socket, with PostgreSQL's own durability."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .processes import BenchError, Processes, as_user, run


def shared_buffers(most: int) -> str:
    """A quarter of the memory, PostgreSQL's own advice for a server of its own; at most so many megabytes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024 // 1024
    return f"{max(128, min(most, memory // 4))}MB"


# Nothing here weakens a commit. max_wal_size keeps checkpoints apart, which would hit one part and not another.
# 2 GB hold every set of keys of the side-by-side bench.
SETTINGS = {"shared_buffers": shared_buffers(2048), "max_connections": "200", "max_wal_size": "4GB"}
OWNER = "keymeter_owner"
# Rows that are right by their making: no foreign key is checked, and no trigger fires.
UNCHECKED = os.environ | {"PGOPTIONS": "-c session_replication_role=replica"}


def binaries() -> Path:
    """The folder of the server's programs: KEYMETER_PG_BIN, or the newest of Debian's, or what the PATH has."""
    named = os.environ.get("KEYMETER_PG_BIN")
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    places = [Path(named)] if named else sorted(installed, key=lambda place: int(place.parent.name), reverse=True)
    if not named and (on_path := shutil.which("initdb")):
        places.append(Path(on_path).parent)
    for place in places:
        if all((place / name).exists() for name in ("initdb", "postgres", "psql", "pgbench")):
            return place
    raise BenchError("no PostgreSQL with initdb, postgres, psql and pgbench: run scripts/setup bench")


class Cluster:
    def __init__(self, folder: Path, processes: Processes, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.settings = SETTINGS | (settings or {})
        self.bin = binaries()
        # PostgreSQL refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        self._processes = processes
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        prefix = ["setpriv", *as_user(self.user)] if self.user else []
        run([*prefix, str(self.bin / "initdb"), f"--pgdata={self.data}", "--username=postgres", "--encoding=UTF8",
             "--locale=C.UTF-8", "--data-checksums", "--auth=trust"], seconds=120, cwd=self.folder)
        # The folder is its owner's alone, and so is the socket in it.
        settings = self.settings | {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        command = [str(self.bin / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.process = self._processes.start(
            command, log=self.folder / "postgres.log", stop=signal.SIGINT, user=self.user, cwd=self.folder)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.sql("postgres", "SELECT 1")
                break
            except BenchError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.1)
        self.sql("postgres", f"CREATE ROLE {OWNER} LOGIN CREATEROLE")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, *, role: str = OWNER, scheme: str = "postgresql") -> str:
        return f"{scheme}://{role}@/{database}?host={self.folder}"

    def create(self, database: str) -> None:
        self.sql("postgres", f"CREATE DATABASE {database} OWNER {OWNER}")

    def sql(self, database: str, text: str, *, seconds: float = 300, role: str = "postgres", **more) -> str:
        """Runs SQL, as superuser unless told otherwise, and returns what it answered, without decoration."""
        return run([*self.psql(database, role), "-c", text], seconds=seconds, **more).strip()

    def psql(self, database: str, role: str = "postgres") -> list[str]:
        return [str(self.bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", role,
                "-d", database]

    def copy(self, database: str, table: str, rows: Path) -> None:
        """Loads a file of tab-separated rows, without checking foreign keys: a million look-ups for nothing."""
        with rows.open("rb") as source:
            self.sql(database, f"COPY {table} FROM STDIN", stdin=source, env=UNCHECKED)

    def version(self) -> str:
        return self.sql("postgres", "SHOW server_version").split()[0]
