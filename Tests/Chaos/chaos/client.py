"""A client that keeps book, speaks straight with the nodes, and turns to another when one doesn't serve it."""

import random
import threading
import time
import traceback
from collections.abc import Callable

from servers.connection import Answer, Connection
from servers.nodes import Node

from .history import History, Noted

# How long a patient client waits: longer than any request may take, so that one that takes longer is seen.
PATIENCE = 25.0
# How long it goes on, once the load is over, with what must be answered.
LONGEST_ENDING = 25.0
IN_FLIGHT = b"idempotency_key_in_flight"


class Client:
    """One thread's worth of it; subclasses say what it does, over and over."""

    # Between two requests, in seconds: the machine is not to be filled.
    pause = 0.02

    def __init__(self, name: str, seed: int, nodes: list[Node], history: History, ends: threading.Event) -> None:
        self.name, self.nodes, self.history, self.ends = name, nodes, history, ends
        self.drawn = random.Random(f"{seed} {name}")
        self.fault: str | None = None
        self._count = 0
        # When it first saw that the load was over.
        self._over: float | None = None
        self._node = self.drawn.randrange(len(nodes))
        self._connections: dict[str, Connection] = {}
        # A daemon: a run that is given up does not wait for it.
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def act(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """What is left to do when the load is over."""

    def ask(
            self, method: str, path: str, headers: dict[str, str], body: dict | None = None, *,
            node: Node | None = None, patient: bool = False) -> tuple[Noted, Answer]:
        """Sends one request, to the node where the client is at unless one is named."""
        self._count += 1
        patient = self.drawn.random() > 0.1 or patient
        patience = PATIENCE if patient else self.drawn.uniform(0.3, 2)
        chosen = node or self.nodes[self._node]
        if chosen.name not in self._connections:
            self._connections[chosen.name] = Connection(chosen.port)
        name = f"{self.name}-{self._count}"
        begun = time.monotonic()
        answer = self._connections[chosen.name].ask(method, path, headers | {"X-Request-Id": name}, body, patience)
        noted = Noted(name, chosen.name, begun, time.monotonic(), answer.status, answer.sent, patient)
        if node is None and answer.status in (0, 503):
            self._node = (self._node + 1) % len(self.nodes)
            time.sleep(0.05)
        return noted, answer

    def until_answered(self, attempt: Callable[[], Answer]) -> Answer | None:
        """Repeats what may be repeated until it is answered; None where it never was."""
        while True:
            answer = attempt()
            in_flight = answer.status == 409 and IN_FLIGHT in answer.body
            if answer.status not in (0, 503) and not in_flight:
                return answer
            if self._has_to_end():
                return None
            time.sleep(self.pause)

    def _has_to_end(self) -> bool:
        if self.ends.is_set() and self._over is None:
            self._over = time.monotonic()
        return self._over is not None and time.monotonic() > self._over + LONGEST_ENDING

    def _run(self) -> None:
        try:
            while not self.ends.is_set():
                self.act()
                time.sleep(self.pause)
            self.finish()
        except Exception:  # The run tells it, and would else never know.
            self.fault = traceback.format_exc()
        finally:
            for connection in self._connections.values():
                connection.close()


def bearing(key: str) -> dict[str, str]:
    return {"X-API-Key": key}
