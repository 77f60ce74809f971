"""PgBouncer before PostgreSQL, by deploy/pgbouncer.ini, and before that what tells it who leads."""

from pathlib import Path

from servers.processes import Processes, free_port, service_user, tool

from .replicas import Replicas
from .shipped import shipped


class Pooler:
    def __init__(self, folder: Path, processes: Processes, replicas: Replicas) -> None:
        leader, self.port = free_port(), free_port()
        first, second = replicas.members
        route = shipped(
            "haproxy-postgres.cfg",
            {"127.0.0.1:5000": f"127.0.0.1:{leader}",
             "127.0.0.1:5432 port 8008": f"127.0.0.1:{first.port} port {first.rest}",
             "127.0.0.1:5433 port 8009": f"127.0.0.1:{second.port} port {second.rest}"}, folder / "leader.cfg")
        processes.start([tool("haproxy"), "-db", "-f", str(route)], log=folder / "leader.log")
        # Nobody but this machine reaches these clusters, which trust whoever asks.
        file = shipped(
            "pgbouncer.ini",
            {"port=5000": f"port={leader}", "listen_port = 6432": f"listen_port = {self.port}",
             "auth_type = scram-sha-256": "auth_type = trust",
             "/etc/pgbouncer/userlist.txt": str(self._users(folder))}, folder / "pgbouncer.ini")
        processes.start(
            [tool("pgbouncer"), str(file)], log=folder / "pgbouncer.log", user=service_user(), cwd=folder)

    def url(self, user: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/keymeter?connect_timeout=2"

    @staticmethod
    def _users(folder: Path) -> Path:
        file = folder / "userlist.txt"
        file.write_text('"keymeter_server" ""\n"keymeter_migrator" ""\n')
        file.chmod(0o644)
        return file
