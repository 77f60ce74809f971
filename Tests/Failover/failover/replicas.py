"""PostgreSQL twice, a leader and a synchronous standby, under Patroni."""

import json
import os
import signal
import subprocess
from pathlib import Path

from servers.connection import answers
from servers.failure import Failure
from servers.postgres import SERVER, add_database, add_server_login, binaries, query
from servers.processes import Processes, eventually, free_port, service_user, tool

from .store import Store

# Patroni's defaults are ttl 30, loop_wait 10, retry_timeout 10: what is decided here in 6 s takes up to 30 s by them.
DECISIONS = {"ttl": 6, "loop_wait": 1, "retry_timeout": 3}


class Member:
    """One PostgreSQL and the Patroni that runs it."""

    def __init__(self, name: str, folder: Path, store: Store) -> None:
        self.name, self.folder, self.data = name, folder, folder / name
        self.port, self.rest = free_port(), free_port()
        self.process: subprocess.Popen | None = None
        self._file = folder / f"{name}.json"
        self._file.write_text(json.dumps(self._configuration(store.address)))  # JSON is YAML

    def start(self, processes: Processes) -> None:
        self.process = processes.start(
            [tool("patroni"), str(self._file)], log=self.folder / f"{self.name}.log", user=service_user(),
            cwd=self.folder)

    @property
    def leads(self) -> bool:
        return answers(f"http://127.0.0.1:{self.rest}/primary")

    @property
    def is_synchronous_standby(self) -> bool:
        return answers(f"http://127.0.0.1:{self.rest}/synchronous")

    @property
    def postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def kill(self, processes: Processes) -> None:
        """As when its machine is switched off: Patroni first, which would start PostgreSQL again."""
        postmaster = self.postmaster
        processes.kill(self.process)
        os.kill(postmaster, signal.SIGKILL)

    def sql(self, database: str, text: str) -> list[list[str]]:
        """Runs SQL as superuser, and returns what it answered."""
        return query(self.port, database, text)

    def _configuration(self, store: str) -> dict:
        address = f"127.0.0.1:{self.port}"
        return {
            "scope": "keymeter", "name": self.name, "etcd3": {"hosts": store},
            "restapi": {"listen": f"127.0.0.1:{self.rest}", "connect_address": f"127.0.0.1:{self.rest}"},
            "bootstrap": {
                # A commit is answered once the standby has it too, and only such a standby is ever promoted.
                "dcs": DECISIONS | {"synchronous_mode": True, "postgresql": {
                    "use_pg_rewind": True, "parameters": {"max_connections": 100, "shared_buffers": "64MB"}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
                "pg_hba": ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]},
            "postgresql": {
                "listen": address, "connect_address": address, "data_dir": str(self.data),
                "bin_dir": str(binaries()), "pgpass": str(self.folder / f"{self.name}.pgpass"),
                "parameters": {"unix_socket_directories": str(self.folder)},
                "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}}},
        }


class Replicas:
    """The members, and which of them leads."""

    def __init__(self, folder: Path, processes: Processes, store: Store) -> None:
        self.members = [Member(f"member{number}", folder, store) for number in (1, 2)]
        self._processes = processes
        for member in self.members:
            member.start(processes)
        self.leader = eventually("a leader", self._leading)
        eventually("a synchronous standby", lambda: self.standby.is_synchronous_standby)
        add_database(self.leader.port)
        self._catch_up()

    @property
    def standby(self) -> Member:
        return next(member for member in self.members if member is not self.leader)

    def url(self, user: str) -> str:
        """All members: libpq goes to the one that can be written to."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        return f"postgresql://{user}@{hosts}/keymeter?connect_timeout=2"

    def add_server_login(self) -> None:
        """A login that is no more than Keymeter's server needs, once the roles are there."""
        add_server_login(self.leader.port)
        # A pooler does not pass on Keymeter's own.
        self.leader.sql("keymeter", f"ALTER ROLE {SERVER} SET statement_timeout = '5s'")
        self.leader.sql("keymeter", f"ALTER ROLE {SERVER} SET search_path = pg_catalog, pg_temp")
        self._catch_up()

    def _catch_up(self) -> None:
        """Waits until the standby shows what the leader has: libpq, which may ask it first, gives up at a login that is
        not there yet."""
        [[position]] = self.leader.sql("postgres", "SELECT pg_current_wal_lsn()")
        reached = f"SELECT 1 WHERE pg_last_wal_replay_lsn() >= '{position}'"
        eventually("the standby to catch up", lambda: self.standby.sql("postgres", reached))

    def lose_leader(self) -> None:
        lost, heir = self.leader, self.standby
        lost.kill(self._processes)
        self.leader = eventually("the standby to lead", lambda: heir if heir.leads else None)
        if lost.leads:
            raise Failure("two lead")

    def _leading(self) -> Member | None:
        return next((member for member in self.members if member.leads), None)


def end_leftovers(folder: Path) -> None:
    """Ends a PostgreSQL in this folder whose Patroni did not get to it."""
    for file in folder.glob("*/postmaster.pid"):
        pid = int(file.read_text().split()[0])
        try:
            if str(folder) in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGQUIT)
        except OSError:
            pass  # It has ended, which is what is wanted.
