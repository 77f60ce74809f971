"""What clients were told, against what the database kept."""

from dataclasses import dataclass

from .clients import Load, Noted
from .processes import FailoverError
from .replicas import Member

USAGE = """
SELECT m.key_id, sum(m.used_requests), sum(m.used_tokens),
  (SELECT coalesce(sum(d.requests), 0) FROM keymeter.usage_by_day AS d WHERE d.key_id = m.key_id)
FROM keymeter.usage_monthly AS m GROUP BY m.key_id
"""


@dataclass(frozen=True)
class Kept:
    """What the database has of one key."""

    requests: int = 0
    tokens: int = 0
    # The requests again, as the reports by day have them.
    daily: int = 0


def check(load: Load, member: Member) -> str:
    """Holds every answer against the database; says what was found right.

    Raises FailoverError naming the law that was broken.
    """
    kept = {key: Kept(int(requests), int(tokens), int(daily))
            for key, requests, tokens, daily in member.sql("keymeter", USAGE)}
    hold(load, kept)
    see_it_break(load, kept)
    repeated = len(load.reports) - load.reported
    return (f"{load.admitted} verifications and {load.reported} reports answered 200 (after {repeated} repeats), "
            f"{sum(note.is_open for note in load.noted)} of unknown outcome, all accounted for")


def hold(load: Load, kept: dict[str, Kept]) -> None:
    """The laws."""
    unexpected = {note.status for note in load.noted} - {200, 429, 503, 502, 504, 0}
    law(not unexpected, f"answers of status {unexpected}")
    law(not load.unreported, f"reports were never answered: {load.unreported}")
    for key in load.keys:
        notes = [note for note in load.noted if note.key is key]
        admitted = sum(note.amount for note in notes if note.status == 200)
        unclear = sum(note.amount for note in notes if note.is_open)
        requests, daily = kept.get(key.id, Kept()).requests, kept.get(key.id, Kept()).daily
        law(admitted <= requests, f"{key.id}: {admitted} were admitted, and only {requests} are charged")
        law(requests <= admitted + unclear, f"{key.id}: {requests} are charged, {admitted} admitted, {unclear} unclear")
        law(key.limit is None or requests <= key.limit, f"{key.id}: {requests} are charged, over {key.limit}")
        law(daily == requests, f"{key.id}: {requests} are charged, and {daily} by the days")
    tokens = kept.get(load.reporter.id, Kept()).tokens
    law(tokens == load.reported, f"{load.reported} reports were answered, and {tokens} counted")


def see_it_break(load: Load, kept: dict[str, Kept]) -> None:
    """Nothing is proved by laws that hold whatever the database has: a charge lost, or one too many, must break them."""
    for key in [*load.keys, load.reporter]:
        right = kept.get(key.id, Kept())
        unclear = 1 + sum(note.amount for note in load.noted if note.key is key and note.is_open)
        for wrong in (Kept(right.requests - unclear, right.tokens - 1, right.daily - unclear),
                      Kept(right.requests + unclear, right.tokens + 1, right.daily + unclear)):
            try:
                hold(load, kept | {key.id: wrong})
            except FailoverError:
                continue
            raise FailoverError(f"the laws allow {wrong} instead of {right}")


def law(holds: bool, otherwise: str) -> None:
    if not holds:
        raise FailoverError(otherwise)


def outage(load: Load, since: float) -> float:
    """The longest time, in seconds, in which nobody was admitted, from a moment on."""
    ends = sorted(note.ended for note in all_of(load) if note.status == 200 and note.ended > since - 1)
    law(len(ends) > 1, "nobody was admitted afterwards")
    return max(later - earlier for earlier, later in zip(ends, ends[1:]))


def failures(notes: list[Noted]) -> dict[int, int]:
    """How many requests were answered neither 200 nor, rightly, 429, by status."""
    counts: dict[int, int] = {}
    for note in notes:
        if note.status not in (200, 429):
            counts[note.status] = counts.get(note.status, 0) + 1
    return counts


def all_of(load: Load) -> list[Noted]:
    return load.noted + load.reports
