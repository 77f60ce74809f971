"""What clients were told, against what the database kept."""

from servers.charges import USAGE, Charged, charged, hold_charge
from servers.failure import Failure, law

from .clients import Load, Noted
from .replicas import Member


def check(load: Load, member: Member) -> str:
    """Holds every answer against the database; says what was found right.

    Raises Failure naming the law that was broken.
    """
    kept = charged(member.sql("keymeter", USAGE))
    hold(load, kept)
    see_it_break(load, kept)
    repeated = len(load.reports) - load.reported
    return (f"{load.admitted} verifications and {load.reported} reports answered 200 (after {repeated} repeats), "
            f"{sum(note.is_open for note in load.noted)} of unknown outcome, all accounted for")


def hold(load: Load, kept: dict[str, Charged]) -> None:
    """The laws."""
    unexpected = {note.status for note in load.noted} - {200, 429, 503, 502, 504, 0}
    law(not unexpected, f"answers of status {unexpected}")
    law(not load.unreported, f"reports were never answered: {load.unreported}")
    for key in load.keys:
        notes = [note for note in load.noted if note.key is key]
        admitted = sum(note.amount for note in notes if note.status == 200)
        unclear = sum(note.amount for note in notes if note.is_open)
        found = kept.get(key.id, Charged())
        hold_charge(
            key.id, "requests", charged=found.requests, daily=found.daily_requests, admitted=admitted, unclear=unclear,
            limit=key.limit)
    tokens = kept.get(load.reporter.id, Charged()).tokens
    law(tokens == load.reported, f"{load.reported} reports were answered, and {tokens} counted")


def see_it_break(load: Load, kept: dict[str, Charged]) -> None:
    """Nothing is proved by laws that hold whatever the database has: a charge lost, or one too many, must break them."""
    for key in [*load.keys, load.reporter]:
        right = kept.get(key.id, Charged())
        unclear = 1 + sum(note.amount for note in load.noted if note.key is key and note.is_open)
        for wrong in (right.with_more(-unclear, -1), right.with_more(unclear, 1)):
            try:
                hold(load, kept | {key.id: wrong})
            except Failure:
                continue
            raise Failure(f"the laws allow {wrong} instead of {right}")


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
