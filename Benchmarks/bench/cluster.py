"""A private PostgreSQL cluster on a Unix socket, with PostgreSQL's default durability."""

import os
import signal
import subprocess
from pathlib import Path

from servers.failure import Failure
from servers.folder import give_to_service_user
from servers.postgres import postgres_bin
from servers.processes import Processes, as_service_user, run, service_user, wait_until


def shared_buffers(maximum: int) -> str:
    """A quarter of the memory, as PostgreSQL recommends for a dedicated server, at most `maximum` megabytes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024 // 1024
    return f"{max(128, min(maximum, memory // 4))}MB"


# No setting weakens a commit. With a larger max_wal_size no checkpoint slows one case and not another.
# All key sets of the side-by-side benchmark fit into 2 GB.
SETTINGS = {"shared_buffers": shared_buffers(2048), "max_connections": "200", "max_wal_size": "4GB"}
OWNER = "keymeter_owner"
# Skips foreign keys and triggers for rows that are generated consistently.
UNCHECKED = os.environ | {"PGOPTIONS": "-c session_replication_role=replica"}


class Cluster:
    def __init__(self, folder: Path, processes: Processes, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.settings = SETTINGS | (settings or {})
        self.bin = postgres_bin()
        self._processes = processes
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        give_to_service_user(self.folder)
        run([*as_service_user(), str(self.bin / "initdb"), f"--pgdata={self.data}", "--username=postgres",
             "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--auth=trust"], seconds=120, cwd=self.folder)
        # Only the service user and root can enter the folder, and so use the socket in it.
        settings = self.settings | {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        command = [str(self.bin / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.process = self._processes.start(
            command, log=self.folder / "postgres.log", stop=signal.SIGINT, user=service_user(), cwd=self.folder)
        wait_until("PostgreSQL accepts connections", self._accepts_connections, 60)
        self.sql("postgres", f"CREATE ROLE {OWNER} LOGIN CREATEROLE")

    def _accepts_connections(self) -> bool:
        try:
            self.sql("postgres", "SELECT 1")
            return True
        except Failure:
            if self.process.poll() is not None:
                raise
            return False

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, *, role: str = OWNER, scheme: str = "postgresql") -> str:
        return f"{scheme}://{role}@/{database}?host={self.folder}"

    def create(self, database: str) -> None:
        self.sql("postgres", f"CREATE DATABASE {database} OWNER {OWNER}")

    def sql(self, database: str, text: str, *, seconds: float = 300, role: str = "postgres", **options) -> str:
        """Runs SQL, by default as superuser, and returns the rows as text."""
        return run([*self.psql(database, role), "-c", text], seconds=seconds, **options).strip()

    def psql(self, database: str, role: str = "postgres") -> list[str]:
        return [str(self.bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", role,
                "-d", database]

    def copy(self, database: str, table: str, rows: Path) -> None:
        """Loads a file of tab-separated rows without checking foreign keys."""
        with rows.open("rb") as source:
            self.sql(database, f"COPY {table} FROM STDIN", stdin=source, env=UNCHECKED)

    def version(self) -> str:
        return self.sql("postgres", "SHOW server_version").split()[0]
