"""etcd, through which Patroni elects the leader."""

from pathlib import Path

from servers.connection import is_up
from servers.processes import Processes, find_tool, free_port, service_user, wait_until


class Etcd:
    def __init__(self, folder: Path, processes: Processes) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        client, peer = f"http://{self.address}", f"http://127.0.0.1:{free_port()}"
        processes.start(
            [find_tool("etcd"), "--name=store", f"--data-dir={folder}/etcd", f"--listen-client-urls={client}",
             f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
             f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=store={peer}", "--unsafe-no-fsync"],
            log=folder / "etcd.log", user=service_user(), cwd=folder)
        wait_until("etcd is up", lambda: is_up(f"{client}/health"))
