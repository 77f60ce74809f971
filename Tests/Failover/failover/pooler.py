"""PgBouncer (deploy/pgbouncer.ini), and HAProxy (deploy/haproxy-postgres.cfg), which routes it to PostgreSQL's leader."""

from pathlib import Path

from servers.processes import Processes, find_tool, free_port, service_user

from .deploy_config import adapt
from .replicas import Replicas


class Pooler:
    def __init__(self, folder: Path, processes: Processes, replicas: Replicas) -> None:
        leader, self.port = free_port(), free_port()
        first, second = replicas.members
        route = adapt(
            "haproxy-postgres.cfg",
            {"127.0.0.1:5000": f"127.0.0.1:{leader}",
             "127.0.0.1:5432 port 8008": f"127.0.0.1:{first.port} port {first.rest}",
             "127.0.0.1:5433 port 8009": f"127.0.0.1:{second.port} port {second.rest}"}, folder / "leader.cfg")
        processes.start([find_tool("haproxy"), "-db", "-f", str(route)], log=folder / "leader.log")
        # The clusters listen on the loopback interface only and use trust authentication.
        config = adapt(
            "pgbouncer.ini",
            {"port=5000": f"port={leader}", "listen_port = 6432": f"listen_port = {self.port}",
             "auth_type = scram-sha-256": "auth_type = trust",
             "/etc/pgbouncer/userlist.txt": str(self._write_users(folder))}, folder / "pgbouncer.ini")
        processes.start(
            [find_tool("pgbouncer"), str(config)], log=folder / "pgbouncer.log", user=service_user(), cwd=folder)

    def url(self, user: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/keymeter?connect_timeout=2"

    @staticmethod
    def _write_users(folder: Path) -> Path:
        file = folder / "userlist.txt"
        file.write_text('"keymeter_server" ""\n"keymeter_migrator" ""\n')
        file.chmod(0o644)
        return file
