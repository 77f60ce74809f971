"""Usage reports and reservations."""

from collections import Counter

from servers.charges import Usage
from servers.failure import require

from ..database_state import DatabaseState
from ..journal import DIMENSIONS, Journal, Reservation


def reports_count_once(journal: Journal, state: DatabaseState) -> None:
    """Each acknowledged report counts exactly once."""
    for key_id in {report.key_id for report in journal.reports}:
        reports = [report for report in journal.reports if report.key_id == key_id]
        tokens, usage = sum(report.tokens for report in reports), state.usage.get(key_id, Usage())
        require(tokens == usage.tokens == usage.daily_tokens,
                f"{key_id}: {tokens} tokens were reported, {usage.tokens} counted, {usage.daily_tokens} in the daily rows")
        stored = Counter(event["event_id"] for event in state.events if event["key_id"] == key_id)
        reported = Counter(report.event_id for report in reports if report.event_id)
        require(stored == reported, f"{key_id}: the stored events are not those that were reported")


def reservations_match(journal: Journal, state: DatabaseState) -> None:
    """Each reservation is stored once, as it was settled, and the counters are the sum of the reservations."""
    for key_id in {reservation.key_id for reservation in journal.reservations}:
        reservations = {one.id: one for one in journal.reservations if one.key_id == key_id and one.id}
        rows = {row["reservation_id"]: row for row in state.reservations if row["key_id"] == key_id}
        require(rows.keys() == reservations.keys(),
                f"{key_id}: {rows.keys() ^ reservations.keys()} were not acknowledged, or not stored")
        for id, reservation in reservations.items():
            check_settlement(reservation, rows[id])
            require(reservation.limit is None or reservation.used <= reservation.limit,
                    f"{id}: {reservation.used} requests are used, over the limit of {reservation.limit}")
        usage = state.usage.get(key_id, Usage())
        for dimension in DIMENSIONS:
            used = sum(charge(row, dimension) for row in rows.values())
            require(used == getattr(usage, dimension) == getattr(usage, f"daily_{dimension}"),
                    f"{key_id}: the reservations add up to {used} {dimension}, but {getattr(usage, dimension)} are charged")
        held = sum(row["requests"] for row in rows.values() if row["state"] == "open")
        reserved = state.reserved.get(key_id, 0)
        require(held == reserved, f"{key_id}: open reservations hold {held} requests, but the counter has {reserved}")


def check_settlement(reservation: Reservation, row: dict) -> None:
    require(all(row[name] == amount for name, amount in reservation.amounts.items()),
            f"{reservation.id}: the stored amounts differ from the reserved ones")
    if any(record.status == 200 for record in reservation.settle_attempts):
        equal = all(row[f"settled_{name}"] == amount for name, amount in reservation.settled_amounts.items())
        require(row["state"] == "settled" and equal,
                f"{reservation.id} was settled with {reservation.settled_amounts}, but the row is {row}")
    elif not any(record.outcome_unknown for record in reservation.settle_attempts):
        require(row["state"] != "settled", f"{reservation.id} is settled, but no client settled it")


def charge(row: dict, dimension: str) -> int:
    return row[dimension] if row["state"] == "open" else row[f"settled_{dimension}"]
