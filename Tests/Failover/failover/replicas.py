"""A PostgreSQL leader and a synchronous standby, managed by Patroni."""

import json
import os
import signal
import subprocess
from pathlib import Path

from servers.connection import is_up
from servers.failure import Failure
from servers.postgres import SERVER, create_database, create_server_login, postgres_bin, query
from servers.processes import Processes, find_tool, free_port, service_user, wait_until

from .etcd import Etcd

# Failover takes about 6 s with these. With Patroni's defaults (ttl 30, loop_wait 10, retry_timeout 10) it takes up to 30 s.
FAILOVER_TIMING = {"ttl": 6, "loop_wait": 1, "retry_timeout": 3}


class Member:
    """One PostgreSQL server and the Patroni process that manages it."""

    def __init__(self, name: str, folder: Path, etcd: Etcd) -> None:
        self.name, self.folder, self.data = name, folder, folder / name
        # Patroni's health checks are on the port `rest`.
        self.port, self.rest = free_port(), free_port()
        self.process: subprocess.Popen | None = None
        self._config = folder / f"{name}.json"
        self._config.write_text(json.dumps(self._configuration(etcd.address)))  # Patroni reads YAML, which includes JSON.

    def start(self, processes: Processes) -> None:
        self.process = processes.start(
            [find_tool("patroni"), str(self._config)], log=self.folder / f"{self.name}.log", user=service_user(),
            cwd=self.folder)

    @property
    def is_leader(self) -> bool:
        return is_up(f"http://127.0.0.1:{self.rest}/primary")

    @property
    def is_synchronous_standby(self) -> bool:
        return is_up(f"http://127.0.0.1:{self.rest}/synchronous")

    @property
    def postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def kill(self, processes: Processes) -> None:
        """Simulates a power loss. Patroni dies first, because it would restart PostgreSQL."""
        postmaster = self.postmaster
        processes.kill(self.process)
        os.kill(postmaster, signal.SIGKILL)

    def sql(self, database: str, text: str) -> list[list[str]]:
        """Runs SQL as superuser and returns the rows."""
        return query(self.port, database, text)

    def _configuration(self, etcd: str) -> dict:
        address = f"127.0.0.1:{self.port}"
        return {
            "scope": "keymeter", "name": self.name, "etcd3": {"hosts": etcd},
            "restapi": {"listen": f"127.0.0.1:{self.rest}", "connect_address": f"127.0.0.1:{self.rest}"},
            "bootstrap": {
                # A commit waits for the standby, and Patroni promotes only a synchronous standby.
                "dcs": FAILOVER_TIMING | {"synchronous_mode": True, "postgresql": {
                    "use_pg_rewind": True, "parameters": {"max_connections": 100, "shared_buffers": "64MB"}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
                "pg_hba": ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]},
            "postgresql": {
                "listen": address, "connect_address": address, "data_dir": str(self.data),
                "bin_dir": str(postgres_bin()), "pgpass": str(self.folder / f"{self.name}.pgpass"),
                "parameters": {"unix_socket_directories": str(self.folder)},
                "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}}},
        }


class Replicas:
    """Both members."""

    def __init__(self, folder: Path, processes: Processes, etcd: Etcd) -> None:
        self.members = [Member(f"member{number}", folder, etcd) for number in (1, 2)]
        self._processes = processes
        for member in self.members:
            member.start(processes)
        self.leader = wait_until("there is a leader", self._find_leader)
        wait_until("there is a synchronous standby", lambda: self.standby.is_synchronous_standby)
        create_database(self.leader.port)
        self._wait_for_standby()

    @property
    def standby(self) -> Member:
        return next(member for member in self.members if member is not self.leader)

    def url(self, user: str) -> str:
        """Names both members. libpq connects to the one that accepts writes."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        return f"postgresql://{user}@{hosts}/keymeter?connect_timeout=2"

    def create_server_login(self) -> None:
        """Creates the nodes' login. The migrations must have created its role."""
        create_server_login(self.leader.port)
        # PgBouncer drops the settings that Keymeter sends at connection time.
        self.leader.sql("keymeter", f"ALTER ROLE {SERVER} SET statement_timeout = '5s'")
        self.leader.sql("keymeter", f"ALTER ROLE {SERVER} SET search_path = pg_catalog, pg_temp")
        self._wait_for_standby()

    def _wait_for_standby(self) -> None:
        """Waits until the standby has replayed all changes.

        libpq may try the standby first, and it gives up if the login does not exist there yet.
        """
        [[position]] = self.leader.sql("postgres", "SELECT pg_current_wal_lsn()")
        replayed = f"SELECT 1 WHERE pg_last_wal_replay_lsn() >= '{position}'"
        wait_until("the standby has caught up", lambda: self.standby.sql("postgres", replayed))

    def lose_leader(self) -> None:
        lost, standby = self.leader, self.standby
        lost.kill(self._processes)
        self.leader = wait_until("the standby is promoted", lambda: standby if standby.is_leader else None)
        if lost.is_leader:
            raise Failure("there are two leaders")

    def _find_leader(self) -> Member | None:
        return next((member for member in self.members if member.is_leader), None)


def kill_orphans(folder: Path) -> None:
    """Ends each PostgreSQL in this folder that its Patroni left running."""
    for file in folder.glob("*/postmaster.pid"):
        pid = int(file.read_text().split()[0])
        try:
            if str(folder) in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGQUIT)
        except OSError:
            pass  # It has exited already.
