"""Each key's life: what was done to it, in the order of the audit log, and when that can have come about.

Rows of one key stand in the log in the order in which they were committed, since whoever changes a key holds it until then.
So even a change of which nothing was heard has its place among those that were answered.
"""

from dataclasses import dataclass, field
from math import inf

from .history import Attempt, Change, History
from .kept import Kept

ACTIONS = {
    "create": "key.created", "update": "key.updated", "rotate": "key.rotated", "revoke": "key.revoked",
    "delete": "key.deleted"}
LIMITS = {"requests": "usage_limit", "tokens": "monthly_token_limit"}
# By how much the clocks of an overlap may differ, in seconds.
CLOCKS = 0.1


@dataclass(slots=True)
class Step:
    kind: str
    # Not before, and not after; the end is infinite where nobody was told of it or of a later step.
    earliest: float
    latest: float
    # What was then allowed, by dimension.
    limits: dict[str, int | None]
    overlap: int
    # The value that it gave the key, where somebody was shown it.
    value: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Span:
    """When one value is good: certainly from `born` until `until`, and certainly not from `dead` on."""

    born: float
    until: float
    dead: float
    # What ended it last, if anything did.
    by: str | None


class Lives:
    def __init__(self, history: History, kept: Kept) -> None:
        self.steps: dict[str, list[Step]] = {}
        self._logged = {row["request_id"] for row in kept.audit}
        asked = {
            attempt.noted.name: (change, attempt) for change in history.changes for attempt in change.attempts}
        for row in kept.audit:
            if row["request_id"] in asked and row["action"].startswith("key."):
                self._add(row, *asked[row["request_id"]])
        for steps in self.steps.values():
            for earlier, later in zip(steps, steps[1:]):
                later.earliest = max(earlier.earliest, later.earliest)
            for later, earlier in zip(steps[::-1], steps[-2::-1]):
                earlier.latest = min(earlier.latest, later.latest)
        self.spans = {
            step.value: self._span(steps, place)
            for steps in self.steps.values() for place, step in enumerate(steps) if step.value is not None}

    def _add(self, row: dict, change: Change, attempt: Attempt) -> None:
        steps = self.steps.setdefault(row["target"], [])
        limits = dict(steps[-1].limits) if steps else dict.fromkeys(LIMITS)
        for dimension, name in LIMITS.items():
            # Of a key that is gone nothing is said any more.
            if name in row["changes"] and change.kind != "delete":
                limits[dimension] = row["changes"][name].get("new")
        shown = [one.value for one in self._of_effect(change, attempt) if one.value is not None]
        steps.append(Step(
            change.kind, attempt.noted.begun, self._told(change, attempt), limits, change.overlap,
            shown[0] if shown else None))

    def _of_effect(self, change: Change, attempt: Attempt) -> list[Attempt]:
        """The attempts that speak of the same effect: all that have its name, or itself and those that found it done."""
        if change.named:
            return change.attempts
        # Whoever ends a key once more, or changes it to what it is, is answered as if it were the first time.
        idempotent = change.kind in ("update", "revoke", "delete")
        return [
            one for one in change.attempts
            if one is attempt or idempotent and one.noted.name not in self._logged and not one.noted.is_unclear]

    def _told(self, change: Change, attempt: Attempt) -> float:
        """From when on somebody knew of it."""
        # What is ended isn't there any more.
        telling = (200, 201, 404) if change.kind == "delete" else (200, 201)
        return min(
            (one.noted.ended for one in self._of_effect(change, attempt) if one.noted.status in telling), default=inf)

    @staticmethod
    def _span(steps: list[Step], place: int) -> Span:
        until, dead, by = inf, inf, None
        for step in steps[place + 1:]:
            if step.kind == "update":
                continue
            grace = step.overlap if step.kind == "rotate" and until == inf else 0
            by = step.kind
            until = min(until, step.earliest + grace - (CLOCKS if grace else 0))
            dead = min(dead, step.latest + grace + (CLOCKS if grace else 0))
            if grace == 0:
                break
        return Span(steps[place].latest, until, dead, by)

    def limits(self, key: str, dimension: str, begun: float, ended: float) -> set[int | None]:
        """What may have been allowed at any moment of a time."""
        steps = self.steps.get(key, [])
        ends = [step.latest for step in steps[1:]] + [inf]
        return {
            step.limits[dimension] for step, end in zip(steps, ends) if step.earliest <= ended and end >= begun}

    def highest(self, key: str, dimension: str) -> int | None:
        """The most that was ever allowed; None for anything."""
        allowed = [step.limits[dimension] for step in self.steps.get(key, [])]
        return None if None in allowed or not allowed else max(allowed)
