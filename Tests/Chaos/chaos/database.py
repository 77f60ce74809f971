"""PostgreSQL on the small disk, to be killed and frozen."""

import os
import signal
import subprocess
from pathlib import Path

from servers.postgres import OWNER, SERVER, add_database, add_server_login, binaries, query
from servers.processes import Processes, as_user, eventually, free_port, run, service_user

from .disk import Disk

SETTINGS = {
    "shared_buffers": "32MB", "max_connections": "100", "log_min_messages": "warning",
    # Each megabyte of the log takes new space, so that a disk that is full is noticed at once.
    "wal_recycle": "off", "min_wal_size": "2MB", "max_wal_size": "48MB",
}


class Database:
    def __init__(self, folder: Path, disk: Disk, processes: Processes) -> None:
        self.port = free_port()
        self.log = folder / "postgres.log"
        self.process: subprocess.Popen | None = None
        self._folder, self._processes = folder, processes
        self._data = disk.folder / "data"
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
                  "--data-checksums", "--wal-segsize=1", "--no-sync", "-D", str(self._data))
        self.launch()
        eventually("PostgreSQL", lambda: self.accepts)
        add_database(self.port)

    def add_server_login(self) -> None:
        add_server_login(self.port)
        # What a node that is frozen in a transaction has locked is given back, as docs/operations.md advises.
        self.sql("postgres", f"ALTER ROLE {SERVER} SET idle_in_transaction_session_timeout = '3s'")

    def launch(self) -> None:
        """Starts it, and waits for nothing."""
        settings = SETTINGS | {
            "port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self._folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # SIGQUIT, should the run end without a word: nothing that is lost then is of use.
        self.process = self._processes.start(
            [str(binaries() / "postgres"), "-D", str(self._data), *options], log=self.log, stop=signal.SIGQUIT,
            user=service_user(), cwd=self._folder)

    @property
    def owner_url(self) -> str:
        return self._url(OWNER, self.port)

    def server_url(self, port: int) -> str:
        """By one of the proxy's ports."""
        return self._url(SERVER, port)

    @staticmethod
    def _url(user: str, port: int) -> str:
        return f"postgresql://{user}@127.0.0.1:{port}/keymeter?connect_timeout=2&sslmode=disable&gssencmode=disable"

    @property
    def accepts(self) -> bool:
        """Whether it takes connections."""
        if self.process.poll() is not None:
            return False
        asked = subprocess.run(
            [str(binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"],
            stdin=subprocess.DEVNULL, check=False)
        return asked.returncode == 0

    def sql(self, database: str, text: str) -> list[list[str]]:
        """As superuser, and not by the proxy."""
        return query(self.port, database, text)

    def kill(self) -> None:
        """Its postmaster alone: whoever serves a connection finds out by itself."""
        self._processes.kill(self.process)

    def kill_all(self) -> None:
        """As when its machine is switched off."""
        family = self.family()
        self._processes.kill(self.process)
        for process in family[1:]:
            _send(process, signal.SIGKILL)

    def kill_backend(self, number: int) -> None:
        """One of those that serve a connection, by its place among them."""
        serving = [process for process in self.family()[1:] if b"keymeter_server" in _command(process)]
        if serving:
            _send(serving[number % len(serving)], signal.SIGKILL)

    def freeze(self) -> list[int]:
        """Stops all its processes; gives them, to be thawed."""
        # The postmaster first, which starts no more then.
        frozen = [self.process.pid]
        _send(self.process.pid, signal.SIGSTOP)
        for process in self.family()[1:]:
            _send(process, signal.SIGSTOP)
            frozen.append(process)
        return frozen

    @staticmethod
    def thaw(frozen: list[int]) -> None:
        for process in reversed(frozen):
            _send(process, signal.SIGCONT)

    def family(self) -> list[int]:
        """The postmaster and all that it has started."""
        postmaster = self.process.pid
        return [postmaster, *(process for process, parent in _parents() if parent == postmaster)]

    def wait_until_nobody_works(self) -> None:
        """Until whatever a client had under way is over."""
        serving = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        eventually("PostgreSQL's clients to be gone", lambda: self.sql("postgres", serving) == [["0"]])

    def _run(self, program: str, *words: str) -> None:
        wrapper = ["setpriv", *as_user(service_user())] if service_user() else []
        run([*wrapper, str(binaries() / program), *words], cwd=self._folder)


def _parents() -> list[tuple[int, int]]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                # The name, in parentheses, may hold anything.
                found.append((int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])))
            except OSError:
                pass
    return found


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _send(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass
