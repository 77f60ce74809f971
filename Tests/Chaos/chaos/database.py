"""The PostgreSQL server under test, on the small disk. It can be killed and frozen."""

import os
import signal
import subprocess
from pathlib import Path

from servers.postgres import OWNER, SERVER, create_database, create_server_login, postgres_bin, query
from servers.processes import Processes, as_service_user, free_port, run, service_user, wait_until

from .disk import Disk

SETTINGS = {
    "shared_buffers": "32MB", "max_connections": "100", "log_min_messages": "warning",
    # PostgreSQL keeps no spare WAL files, so it notices a full disk at once.
    "wal_recycle": "off", "min_wal_size": "2MB", "max_wal_size": "48MB",
}


class Database:
    def __init__(self, folder: Path, disk: Disk, processes: Processes) -> None:
        self.port = free_port()
        self.log = folder / "postgres.log"
        self.process: subprocess.Popen | None = None
        self._folder, self._processes = folder, processes
        self._data = disk.folder / "data"
        run([*as_service_user(), str(postgres_bin() / "initdb"), "--username=postgres", "--auth=trust", "--encoding=UTF8",
             "--locale=C.UTF-8", "--data-checksums", "--wal-segsize=1", "--no-sync", "-D", str(self._data)], cwd=folder)
        self.launch()
        wait_until("PostgreSQL accepts connections", lambda: self.accepts_connections)
        create_database(self.port)

    def create_server_login(self) -> None:
        create_server_login(self.port)
        # Releases the locks of a node that is frozen inside a transaction, as docs/operations.md recommends.
        self.sql("postgres", f"ALTER ROLE {SERVER} SET idle_in_transaction_session_timeout = '3s'")

    def launch(self) -> None:
        """Starts PostgreSQL without waiting until it accepts connections."""
        settings = SETTINGS | {
            "port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self._folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # SIGQUIT if the run dies: the data is not needed any more, so an immediate shutdown will do.
        self.process = self._processes.start(
            [str(postgres_bin() / "postgres"), "-D", str(self._data), *options], log=self.log, stop=signal.SIGQUIT,
            user=service_user(), cwd=self._folder)

    @property
    def owner_url(self) -> str:
        return self._url(OWNER, self.port)

    def server_url(self, port: int) -> str:
        """The nodes' URL, through one of the proxy's ports."""
        return self._url(SERVER, port)

    @staticmethod
    def _url(user: str, port: int) -> str:
        return f"postgresql://{user}@127.0.0.1:{port}/keymeter?connect_timeout=2&sslmode=disable&gssencmode=disable"

    @property
    def accepts_connections(self) -> bool:
        if self.process.poll() is not None:
            return False
        probe = subprocess.run(
            [str(postgres_bin() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"],
            stdin=subprocess.DEVNULL, check=False)
        return probe.returncode == 0

    def sql(self, database: str, text: str) -> list[list[str]]:
        """Runs SQL as superuser, bypassing the proxy."""
        return query(self.port, database, text)

    def kill_postmaster(self) -> None:
        """Kills only the postmaster. The backends notice by themselves."""
        self._processes.kill(self.process)

    def kill_all(self) -> None:
        """Kills all of PostgreSQL's processes, like a power loss."""
        family = self._all_pids()
        self._processes.kill(self.process)
        for pid in family[1:]:
            _send(pid, signal.SIGKILL)

    def kill_backend(self, number: int) -> None:
        """Kills one of the backends that serve the nodes."""
        backends = [pid for pid in self._all_pids()[1:] if b"keymeter_server" in _command_line(pid)]
        if backends:
            _send(backends[number % len(backends)], signal.SIGKILL)

    def freeze(self) -> list[int]:
        """Sends SIGSTOP to all processes and returns their ids, for `thaw`."""
        # The postmaster first, so that it starts no new backends.
        frozen = [self.process.pid]
        _send(self.process.pid, signal.SIGSTOP)
        for pid in self._all_pids()[1:]:
            _send(pid, signal.SIGSTOP)
            frozen.append(pid)
        return frozen

    @staticmethod
    def thaw(frozen: list[int]) -> None:
        for pid in reversed(frozen):
            _send(pid, signal.SIGCONT)

    def wait_until_idle(self) -> None:
        """Waits until all client sessions have ended."""
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        wait_until("all PostgreSQL sessions have ended", lambda: self.sql("postgres", sessions) == [["0"]])

    def _all_pids(self) -> list[int]:
        """The postmaster and its children."""
        postmaster = self.process.pid
        return [postmaster, *(pid for pid, parent in _all_parents() if parent == postmaster)]


def _all_parents() -> list[tuple[int, int]]:
    """The process id and the parent's id of every process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                # The command name, in parentheses, may contain spaces and parentheses.
                found.append((int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])))
            except OSError:
                pass
    return found


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
