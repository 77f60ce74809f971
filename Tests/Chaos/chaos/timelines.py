"""The timeline of each key, reconstructed from the audit log.

A change locks its key until it commits, so the audit log has a key's changes in commit order. A change of unknown outcome
therefore has its place too. When a change took effect is known only as an interval.
"""

from dataclasses import dataclass, field
from math import inf

from .database_state import DatabaseState
from .journal import ChangeAttempt, Journal, KeyChange

ACTIONS = {
    "create": "key.created", "update": "key.updated", "rotate": "key.rotated", "revoke": "key.revoked",
    "delete": "key.deleted"}
LIMITS = {"requests": "usage_limit", "tokens": "monthly_token_limit"}
# How far apart the clocks of the database and of this machine may be when an overlap ends, in seconds.
CLOCK_TOLERANCE = 0.1


@dataclass(slots=True)
class Step:
    """One change, as the audit log has it."""

    kind: str
    # The change took effect in this interval. It is open-ended if neither it nor a later change was acknowledged.
    earliest: float
    latest: float
    # The key's limits after the change, by dimension.
    limits: dict[str, int | None]
    overlap: int
    # The secret that the change created, if a client saw it.
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Validity:
    """When a secret is valid: certainly from `valid_from` to `valid_until`, and certainly not after `invalid_from`."""

    valid_from: float
    valid_until: float
    invalid_from: float
    # The kind of the last change that ended it, if any.
    ended_by: str | None


class Timelines:
    def __init__(self, journal: Journal, state: DatabaseState) -> None:
        self.steps: dict[str, list[Step]] = {}
        self._logged = {row["request_id"] for row in state.audit}
        by_request_id = {
            attempt.record.request_id: (change, attempt) for change in journal.changes for attempt in change.attempts}
        for row in state.audit:
            if row["request_id"] in by_request_id and row["action"].startswith("key."):
                self._add(row, *by_request_id[row["request_id"]])
        for steps in self.steps.values():
            for earlier, later in zip(steps, steps[1:]):
                later.earliest = max(earlier.earliest, later.earliest)
            for later, earlier in zip(steps[::-1], steps[-2::-1]):
                earlier.latest = min(earlier.latest, later.latest)
        self.validity = {
            step.secret: self._validity(steps, index)
            for steps in self.steps.values() for index, step in enumerate(steps) if step.secret is not None}

    def _add(self, row: dict, change: KeyChange, attempt: ChangeAttempt) -> None:
        steps = self.steps.setdefault(row["target"], [])
        limits = dict(steps[-1].limits) if steps else dict.fromkeys(LIMITS)
        for dimension, name in LIMITS.items():
            # A deletion logs all fields as removed. The limits held until then.
            if name in row["changes"] and change.kind != "delete":
                limits[dimension] = row["changes"][name].get("new")
        secrets = [one.secret for one in self._same_effect(change, attempt) if one.secret is not None]
        steps.append(Step(
            change.kind, attempt.record.started, self._acknowledged_at(change, attempt), limits, change.overlap,
            secrets[0] if secrets else None))

    def _same_effect(self, change: KeyChange, attempt: ChangeAttempt) -> list[ChangeAttempt]:
        """The attempts whose response reports this attempt's effect.

        With an Idempotency-Key, that is all of them. Otherwise it is the attempt itself and, for an idempotent change, each
        attempt that found it done.
        """
        if change.idempotent:
            return change.attempts
        naturally_idempotent = change.kind in ("update", "revoke", "delete")
        return [
            one for one in change.attempts
            if one is attempt
            or naturally_idempotent and one.record.request_id not in self._logged and not one.record.outcome_unknown]

    def _acknowledged_at(self, change: KeyChange, attempt: ChangeAttempt) -> float:
        """When the first response confirmed the effect."""
        # After a deletion, 404 confirms it too.
        confirming = (200, 201, 404) if change.kind == "delete" else (200, 201)
        return min(
            (one.record.ended for one in self._same_effect(change, attempt) if one.record.status in confirming), default=inf)

    @staticmethod
    def _validity(steps: list[Step], index: int) -> Validity:
        valid_until, invalid_from, ended_by = inf, inf, None
        for step in steps[index + 1:]:
            if step.kind == "update":
                continue
            overlap = step.overlap if step.kind == "rotate" and valid_until == inf else 0
            ended_by = step.kind
            valid_until = min(valid_until, step.earliest + overlap - (CLOCK_TOLERANCE if overlap else 0))
            invalid_from = min(invalid_from, step.latest + overlap + (CLOCK_TOLERANCE if overlap else 0))
            if overlap == 0:
                break
        return Validity(steps[index].latest, valid_until, invalid_from, ended_by)

    def limits(self, key_id: str, dimension: str, started: float, ended: float) -> set[int | None]:
        """The limits that may have been in force at some moment of this interval."""
        steps = self.steps.get(key_id, [])
        ends = [step.latest for step in steps[1:]] + [inf]
        return {
            step.limits[dimension] for step, end in zip(steps, ends) if step.earliest <= ended and end >= started}

    def highest_limit(self, key_id: str, dimension: str) -> int | None:
        """The highest limit that the key ever had. None means unlimited."""
        limits = [step.limits[dimension] for step in self.steps.get(key_id, [])]
        return None if None in limits or not limits else max(limits)
