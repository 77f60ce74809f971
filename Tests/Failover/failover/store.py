"""etcd, in which Patroni's members agree on who leads."""

from pathlib import Path

from servers.connection import answers
from servers.processes import Processes, eventually, free_port, service_user, tool


class Store:
    def __init__(self, folder: Path, processes: Processes) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        client, peer = f"http://{self.address}", f"http://127.0.0.1:{free_port()}"
        self._process = processes.start(
            [tool("etcd"), "--name=store", f"--data-dir={folder}/etcd", f"--listen-client-urls={client}",
             f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
             f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=store={peer}", "--unsafe-no-fsync"],
            log=folder / "etcd.log", user=service_user(), cwd=folder)
        eventually("etcd", self._is_healthy)

    def _is_healthy(self) -> bool:
        return answers(f"http://{self.address}/health")
