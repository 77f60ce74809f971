"""Clients that record each request and its response."""

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
    secret: str
    limit: int | None


@dataclass
class RequestRecord:
    key: Key
    amount: int
    started: float
    ended: float
    # 0: no response, or an incomplete one.
    status: int
    # Whether a node responded, rather than the load balancer.
    from_node: bool

    @property
    def outcome_unknown(self) -> bool:
        """Whether the request may have been charged unseen. The balancer's own 503 means that no node got the request."""
        return self.status in (0, 502, 504) or (self.status == 503 and self.from_node)


@dataclass
class Load:
    """Many clients that verify keys, and some that report usage and retry each report until it succeeds."""

    port: int
    keys: list[Key]
    reporting_key: Key
    verifiers: int = 10
    reporters: int = 3
    # Seconds between a client's requests, so that the machine is not saturated.
    pause: float = 0.02
    verifications: list[RequestRecord] = field(default_factory=list)
    acknowledged_reports: int = 0
    report_attempts: list[RequestRecord] = field(default_factory=list)
    # Reports that never succeeded.
    failed_reports: list[str] = field(default_factory=list)
    # How long a reporter keeps retrying after the load has ended, in seconds.
    retry_seconds: float = 20

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._stopped_at = 0.0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._verify, args=(number,)) for number in range(self.verifiers)]
        self._threads += [threading.Thread(target=self._report, args=(number,)) for number in range(self.reporters)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped_at = time.monotonic()
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @property
    def admitted(self) -> int:
        with self._lock:
            return sum(1 for record in self.verifications if record.status == 200)

    @property
    def all_records(self) -> list[RequestRecord]:
        return self.verifications + self.report_attempts

    def _verify(self, number: int) -> None:
        rng = random.Random(number)
        connection = Connection(self.port)
        while not self._stopping.is_set():
            key, amount = rng.choice(self.keys), rng.randint(1, 3)
            started = time.monotonic()
            response = connection.request("GET", f"/api/v1/verify?requests={amount}", {"X-API-Key": key.secret})
            record = RequestRecord(key, amount, started, time.monotonic(), response.status, response.from_node)
            with self._lock:
                self.verifications.append(record)
            time.sleep(self.pause)
        connection.close()

    def _report(self, number: int) -> None:
        """Reports one token at a time. Each report has an Idempotency-Key, so that a retry counts once."""
        connection = Connection(self.port)
        count = 0
        while not self._stopping.is_set():
            name = f"{number}-{count}"
            while True:
                started = time.monotonic()
                response = connection.request(
                    "POST", "/api/v1/usage/record",
                    {"X-API-Key": self.reporting_key.secret, "Idempotency-Key": name}, {"tokens": 1})
                status = response.status
                with self._lock:
                    self.report_attempts.append(
                        RequestRecord(self.reporting_key, 1, started, time.monotonic(), status, response.from_node))
                if status == 200:
                    break
                if self._stopping.is_set() and started > self._stopped_at + self.retry_seconds:
                    self.failed_reports.append(f"{name}: {status}")
                    return
                time.sleep(self.pause)
            count += 1
            with self._lock:
                self.acknowledged_reports += 1
            time.sleep(self.pause)
        connection.close()


def create_keys(node: Node, root: str) -> tuple[list[Key], Key]:
    """Keys without a limit, keys that reach their limit early or late in a run, and the key for reports."""
    limits = [None, None, None, 300, 1_000, 2_000]
    keys = [create_key(node, root, limit) for limit in limits]
    return keys, create_key(node, root, None)


def create_key(node: Node, root: str, limit: int | None) -> Key:
    body = {"name": "Client", "environment": "PRODUCTION", "scopes": ["*"], "usageLimit": limit}
    connection = Connection(node.port)
    response = connection.request("POST", "/api/v1/apikey/createapikey", {"X-API-Key": root}, body)
    connection.close()
    if response.status != 201:
        raise Failure(f"{node.name} did not create a key: {response.status} {response.body!r}")
    created = response.json["data"]
    return Key(created["id"], created["key"], limit)
