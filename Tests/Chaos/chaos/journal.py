"""The client journal: what the clients asked for and which responses they got. Times are monotonic, in seconds."""

from dataclasses import dataclass, field
from math import inf

DIMENSIONS = ("requests", "tokens")


@dataclass(slots=True)
class RequestRecord:
    """One request and its outcome."""

    # The X-Request-Id, which the audit log stores too.
    request_id: str
    node: str
    started: float
    ended: float
    # 0: no response, or an incomplete one.
    status: int
    # Whether the connection could be opened.
    sent: bool
    # Whether the client waited for the full timeout, rather than giving up early on purpose.
    full_timeout: bool

    @property
    def is_success(self) -> bool:
        return self.status in (200, 201)

    @property
    def outcome_unknown(self) -> bool:
        """Whether the request may have taken effect without an acknowledgement."""
        return self.sent and self.status in (0, 503)


@dataclass(slots=True)
class Verification:
    record: RequestRecord
    key_id: str
    # No secret is ever printed.
    secret: str = field(repr=False)
    # The amounts to charge, by dimension.
    amounts: dict[str, int]
    # Limit and usage from the response: of all dimensions after 200, of the exceeded one after 429.
    limits: dict[str, int | None] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    period: str = ""


@dataclass(slots=True)
class UsageReport:
    """A usage report, retried until it is acknowledged."""

    key_id: str
    event_id: str | None
    tokens: int
    attempts: list[RequestRecord] = field(default_factory=list)

    @property
    def is_acknowledged(self) -> bool:
        return any(attempt.status == 200 for attempt in self.attempts)


@dataclass(slots=True)
class Reservation:
    """A reservation. Reserving and settling are each retried until they are answered."""

    key_id: str
    amounts: dict[str, int]
    on_expiry: str
    attempts: list[RequestRecord] = field(default_factory=list)
    id: str | None = None
    # Requests used and their limit, from the response to the reservation.
    used: int = 0
    limit: int | None = None
    # The true amounts; None if the client did not settle.
    settled_amounts: dict[str, int] | None = None
    settle_attempts: list[RequestRecord] = field(default_factory=list)


@dataclass(slots=True)
class ChangeAttempt:
    record: RequestRecord
    # Whether the response was marked Idempotency-Replayed.
    replayed: bool = False
    # The secret in the response to a creation or rotation.
    secret: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class KeyChange:
    """A change of one key, sent once or retried until it is answered."""

    # create, update, rotate, revoke or delete
    kind: str
    # None until a creation is acknowledged.
    key_id: str | None
    # Whether it is sent with an Idempotency-Key.
    idempotent: bool
    overlap: int = 0
    attempts: list[ChangeAttempt] = field(default_factory=list)

    @property
    def acknowledged_at(self) -> float | None:
        """When the first success response arrived."""
        ends = [attempt.record.ended for attempt in self.attempts if attempt.record.is_success]
        return min(ends) if ends else None


@dataclass
class NodeFreezes:
    """When each node was frozen. The invariants ignore the delay of a frozen node."""

    intervals: dict[str, list[list[float]]] = field(default_factory=dict)

    def begin(self, node: str, at: float) -> None:
        self.intervals.setdefault(node, []).append([at, inf])

    def end(self, node: str, at: float) -> None:
        self.intervals[node][-1][1] = at

    def frozen_node(self) -> str | None:
        """A node that is frozen now."""
        return next((node for node, intervals in [*self.intervals.items()] if intervals[-1][1] == inf), None)

    def overlap(self, record: RequestRecord) -> float:
        """For how many seconds of the request its node was frozen."""
        return sum(
            max(0.0, min(end, record.ended) - max(begin, record.started))
            for begin, end in self.intervals.get(record.node, []))


@dataclass
class Journal:
    """What all clients recorded. They only append to the lists, which is atomic in Python."""

    verifications: list[Verification] = field(default_factory=list)
    reports: list[UsageReport] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    changes: list[KeyChange] = field(default_factory=list)
    freezes: NodeFreezes = field(default_factory=NodeFreezes)

    def all_records(self):
        yield from (verification.record for verification in self.verifications)
        for report in self.reports:
            yield from report.attempts
        for reservation in self.reservations:
            yield from reservation.attempts
            yield from reservation.settle_attempts
        for change in self.changes:
            yield from (attempt.record for attempt in change.attempts)
