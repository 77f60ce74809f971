"""What clients asked for and were told. Times are seconds of the monotonic clock."""

from dataclasses import dataclass, field
from math import inf

DIMENSIONS = ("requests", "tokens")


@dataclass(slots=True)
class Noted:
    """One request, and what came of it."""

    # The client's name for it, which the audit log has too.
    name: str
    node: str
    begun: float
    ended: float
    # 0: no answer, or half of one.
    status: int
    # Whether it was sent at all.
    sent: bool
    # Whether the client waited as long as anybody may have to.
    patient: bool

    @property
    def is_unclear(self) -> bool:
        """Whether it may have had an effect without the client knowing."""
        return self.sent and self.status in (0, 503)


@dataclass(slots=True)
class Verification:
    noted: Noted
    key: str
    # Never shown, as below.
    value: str = field(repr=False)
    # By dimension: what was to be charged.
    asked: dict[str, int]
    # By dimension, what the answer says of a limit and of what is used: of each where it was 200, of one where it was 429.
    limits: dict[str, int | None] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    period: str = ""


@dataclass(slots=True)
class Report:
    """Usage that is reported until the report is answered."""

    key: str
    event: str | None
    tokens: int
    attempts: list[Noted] = field(default_factory=list)

    @property
    def is_answered(self) -> bool:
        return any(attempt.status == 200 for attempt in self.attempts)


@dataclass(slots=True)
class Holding:
    """A reservation, which is asked for and settled until both are answered."""

    key: str
    asked: dict[str, int]
    on_expiry: str
    attempts: list[Noted] = field(default_factory=list)
    id: str | None = None
    # What the answer to the reservation says is used, and of which limit, in requests.
    used: int = 0
    limit: int | None = None
    # The true amounts, where it was to be settled.
    settled: dict[str, int] | None = None
    settling: list[Noted] = field(default_factory=list)


@dataclass(slots=True)
class Attempt:
    noted: Noted
    # Whether the answer was the first one's, once more.
    replayed: bool = False
    # The value that the answer shows, of a creation or a rotation.
    value: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Change:
    """A change of one key, asked for once, or until it is answered."""

    # create, update, rotate, revoke, delete
    kind: str
    # None: a creation of which nothing was heard.
    key: str | None
    # Whether it has an Idempotency-Key.
    named: bool
    overlap: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def acknowledged(self) -> float | None:
        """From when on it is done, if that was answered."""
        ends = [attempt.noted.ended for attempt in self.attempts if attempt.noted.status in (200, 201)]
        return min(ends) if ends else None


@dataclass
class Freezes:
    """When each node was stopped: what it owes nobody an answer for."""

    intervals: dict[str, list[list[float]]] = field(default_factory=dict)

    def begin(self, node: str, at: float) -> None:
        self.intervals.setdefault(node, []).append([at, inf])

    def end(self, node: str, at: float) -> None:
        self.intervals[node][-1][1] = at

    def now(self) -> str | None:
        """A node that is stopped at this moment."""
        return next((node for node, intervals in [*self.intervals.items()] if intervals[-1][1] == inf), None)

    def within(self, noted: Noted) -> float:
        """For how many seconds of a request its node was stopped."""
        return sum(
            max(0.0, min(end, noted.ended) - max(begin, noted.begun))
            for begin, end in self.intervals.get(noted.node, []))


@dataclass
class History:
    """All of it. Clients only append to its lists, which Python does at one stroke."""

    verifications: list[Verification] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    freezes: Freezes = field(default_factory=Freezes)

    def all_noted(self):
        yield from (verification.noted for verification in self.verifications)
        for report in self.reports:
            yield from report.attempts
        for holding in self.holdings:
            yield from holding.attempts
            yield from holding.settling
        for change in self.changes:
            yield from (attempt.noted for attempt in change.attempts)
