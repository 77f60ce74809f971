"""A client that records each request, talks to the nodes directly, and fails over to another node on an error."""

import random
import threading
import time
import traceback
from collections.abc import Callable

from servers.connection import Connection, Response
from servers.nodes import Node

from .journal import Journal, RequestRecord

# The full timeout. It exceeds the longest permitted request, so that a slower one is noticed.
FULL_TIMEOUT = 25.0
# How long a client keeps retrying after the load has ended, in seconds.
RETRY_SECONDS = 25.0
IN_FLIGHT = b"idempotency_key_in_flight"


class Client:
    """Runs in its own thread. Subclasses define one iteration of their work in `act`."""

    # Seconds between requests, so that the machine is not saturated.
    pause = 0.02

    def __init__(self, name: str, seed: int, nodes: list[Node], journal: Journal, stopping: threading.Event) -> None:
        self.name, self.nodes, self.journal, self.stopping = name, nodes, journal, stopping
        self.rng = random.Random(f"{seed} {name}")
        # The traceback of an unexpected exception in this client's thread.
        self.error: str | None = None
        self._count = 0
        # When this client first saw that the load had ended.
        self._stopped_at: float | None = None
        self._node = self.rng.randrange(len(nodes))
        self._connections: dict[str, Connection] = {}
        # A daemon thread, so that an aborted run does not wait for it.
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def act(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Runs once, after the load has ended."""

    def request(
            self, method: str, path: str, headers: dict[str, str], body: dict | None = None, *,
            node: Node | None = None, full_timeout: bool = False) -> tuple[RequestRecord, Response]:
        """Sends one request to the given node, or else to the client's current node."""
        self._count += 1
        full_timeout = self.rng.random() > 0.1 or full_timeout
        timeout = FULL_TIMEOUT if full_timeout else self.rng.uniform(0.3, 2)
        target = node or self.nodes[self._node]
        if target.name not in self._connections:
            self._connections[target.name] = Connection(target.port)
        request_id = f"{self.name}-{self._count}"
        started = time.monotonic()
        response = self._connections[target.name].request(
            method, path, headers | {"X-Request-Id": request_id}, body, timeout)
        record = RequestRecord(
            request_id, target.name, started, time.monotonic(), response.status, response.sent, full_timeout)
        if node is None and response.status in (0, 503):
            self._node = (self._node + 1) % len(self.nodes)
            time.sleep(0.05)
        return record, response

    def retry_until_answered(self, attempt: Callable[[], Response]) -> Response | None:
        """Retries an idempotent request until it is answered. Returns None if the time to retry runs out."""
        while True:
            response = attempt()
            in_flight = response.status == 409 and IN_FLIGHT in response.body
            if response.status not in (0, 503) and not in_flight:
                return response
            if self._retry_time_is_over():
                return None
            time.sleep(self.pause)

    def _retry_time_is_over(self) -> bool:
        if self.stopping.is_set() and self._stopped_at is None:
            self._stopped_at = time.monotonic()
        return self._stopped_at is not None and time.monotonic() > self._stopped_at + RETRY_SECONDS

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.act()
                time.sleep(self.pause)
            self.finish()
        except Exception:  # The main thread reports it.
            self.error = traceback.format_exc()
        finally:
            for connection in self._connections.values():
                connection.close()


def auth_headers(secret: str) -> dict[str, str]:
    return {"X-API-Key": secret}
