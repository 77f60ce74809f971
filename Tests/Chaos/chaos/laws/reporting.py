"""What is reported and reserved: all of it, and once."""

from collections import Counter

from servers.charges import Charged
from servers.failure import law

from ..history import DIMENSIONS, History, Holding
from ..kept import Kept


def reports_count_once(history: History, kept: Kept) -> None:
    """Every report that was answered is counted, once."""
    for key in {report.key for report in history.reports}:
        reports = [report for report in history.reports if report.key == key]
        tokens, found = sum(report.tokens for report in reports), kept.usage.get(key, Charged())
        law(tokens == found.tokens == found.daily_tokens,
            f"{key}: {tokens} tokens were reported, {found.tokens} counted, {found.daily_tokens} by the days")
        events = Counter(event["event"] for event in kept.events if event["key_id"] == key)
        reported = Counter(report.event for report in reports if report.event)
        law(events == reported, f"{key}: not the events that were reported")


def reservations_are_kept(history: History, kept: Kept) -> None:
    """Every reservation is there, once, and as it was settled; counters are the sum of them."""
    for key in {holding.key for holding in history.holdings}:
        holdings = {holding.id: holding for holding in history.holdings if holding.key == key and holding.id}
        rows = {row["reservation_id"]: row for row in kept.reservations if row["key_id"] == key}
        law(rows.keys() == holdings.keys(), f"{key}: {rows.keys() ^ holdings.keys()} are not answered, or not kept")
        for id, holding in holdings.items():
            settled(holding, rows[id])
            law(holding.limit is None or holding.used <= holding.limit, f"{id}: {holding.used}, over {holding.limit}")
        for dimension in DIMENSIONS:
            used = sum(counts(row, dimension) for row in rows.values())
            found = kept.usage.get(key, Charged())
            law(used == getattr(found, dimension) == getattr(found, f"daily_{dimension}"),
                f"{key}: reservations use {used} {dimension}, and {getattr(found, dimension)} are charged")
        held = sum(row["requests"] for row in rows.values() if row["state"] == "open")
        law(held == kept.reserved.get(key, 0), f"{key}: {held} are held, and {kept.reserved.get(key, 0)} reserved")


def settled(holding: Holding, row: dict) -> None:
    answers = {noted.status for noted in holding.settling}
    law(all(row[name] == amount for name, amount in holding.asked.items()), f"{holding.id}: other amounts are reserved")
    if 200 in answers:
        same = all(row[f"settled_{name}"] == amount for name, amount in holding.settled.items())
        law(row["state"] == "settled" and same, f"{holding.id} was settled by {holding.settled}, and is {row}")
    elif not any(noted.is_unclear for noted in holding.settling):
        law(row["state"] != "settled", f"{holding.id} was not settled, and is")


def counts(row: dict, dimension: str) -> int:
    return row[dimension] if row["state"] == "open" else row[f"settled_{dimension}"]
