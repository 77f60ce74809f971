"""Clients that keep book: what they asked for, and what they were told."""

import random
import threading
import time
from dataclasses import dataclass, field

from servers.connection import Connection
from servers.failure import Failure
from servers.nodes import Node


@dataclass
class Key:
    id: str
    value: str
    limit: int | None


@dataclass
class Noted:
    """One request: what it asked for, and what came of it."""

    key: Key
    amount: int
    begun: float
    ended: float
    # 0: no answer, or half of one.
    status: int
    # Answered by a node, rather than by what stands before it.
    by_node: bool

    @property
    def is_open(self) -> bool:
        """Whether it may have been charged without the client knowing. A 503 of the balancer's own was sent to nobody."""
        return self.status in (0, 502, 504) or (self.status == 503 and self.by_node)


@dataclass
class Load:
    """Verifications by many clients, and reports that others repeat until they are answered."""

    port: int
    keys: list[Key]
    reporter: Key
    verifiers: int = 10
    reporters: int = 3
    # Between two requests of a client: the machine is not to be filled.
    pause: float = 0.02
    noted: list[Noted] = field(default_factory=list)
    reported: int = 0
    reports: list[Noted] = field(default_factory=list)
    # Reports that were never answered, though the load has ended since so many seconds.
    unreported: list[str] = field(default_factory=list)
    longest_report: float = 20

    def __post_init__(self) -> None:
        self._ends = threading.Event()
        self._ended = 0.0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._verify, args=(number,)) for number in range(self.verifiers)]
        self._threads += [threading.Thread(target=self._report, args=(number,)) for number in range(self.reporters)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended = time.monotonic()
        self._ends.set()
        for thread in self._threads:
            thread.join()

    @property
    def admitted(self) -> int:
        with self._lock:
            return sum(1 for note in self.noted if note.status == 200)

    def _verify(self, number: int) -> None:
        drawn = random.Random(number)
        connection = Connection(self.port)
        while not self._ends.is_set():
            key, amount = drawn.choice(self.keys), drawn.randint(1, 3)
            begun = time.monotonic()
            answer = connection.ask("GET", f"/api/v1/verify?requests={amount}", {"X-API-Key": key.value})
            note = Noted(key, amount, begun, time.monotonic(), answer.status, answer.by_node)
            with self._lock:
                self.noted.append(note)
            time.sleep(self.pause)
        connection.close()

    def _report(self, number: int) -> None:
        """Each report has a name, by which repeating it has no second effect."""
        connection = Connection(self.port)
        count = 0
        while not self._ends.is_set():
            name = f"{number}-{count}"
            while True:
                begun = time.monotonic()
                answer = connection.ask(
                    "POST", "/api/v1/usage/record", {"X-API-Key": self.reporter.value, "Idempotency-Key": name},
                    {"tokens": 1})
                status = answer.status
                with self._lock:
                    self.reports.append(Noted(self.reporter, 1, begun, time.monotonic(), status, answer.by_node))
                if status == 200:
                    break
                if self._ends.is_set() and begun > self._ended + self.longest_report:
                    self.unreported.append(f"{name}: {status}")
                    return
                time.sleep(self.pause)
            count += 1
            with self._lock:
                self.reported += 1
            time.sleep(self.pause)
        connection.close()


def make_keys(node: Node, root: str) -> tuple[list[Key], Key]:
    """Keys without a limit, keys that run into theirs before and after the middle of a load, and one for reports."""
    limits = [None, None, None, 300, 1_000, 2_000]
    keys = [issue(node, root, limit) for limit in limits]
    return keys, issue(node, root, None)


def issue(node: Node, root: str, limit: int | None) -> Key:
    body = {"name": "Client", "environment": "PRODUCTION", "scopes": ["*"], "usageLimit": limit}
    connection = Connection(node.port)
    answer = connection.ask("POST", "/api/v1/apikey/createapikey", {"X-API-Key": root}, body)
    connection.close()
    if answer.status != 201:
        raise Failure(f"{node.name} made no key: {answer.status} {answer.body!r}")
    made = answer.json["data"]
    return Key(made["id"], made["key"], limit)
