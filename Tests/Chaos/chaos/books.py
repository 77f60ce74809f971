"""Every request and every row of the audit log, to be read by whoever looks for the cause of a failure. No key is in it."""

import json
from collections.abc import Iterator
from pathlib import Path

from .history import History, Noted
from .kept import Kept


def write(history: History, kept: Kept, into: Path) -> None:
    """One line of JSON for each, the requests in the order in which they began."""
    with into.open("w") as file:
        for line in sorted(requests(history), key=lambda line: line["begun"]):
            print(json.dumps(line), file=file)
        for row in kept.audit:
            print(json.dumps(row), file=file)


def requests(history: History) -> Iterator[dict]:
    for one in history.verifications:
        yield request(one.noted, "verify", one.key, asked=one.asked, used=one.used, limits=one.limits)
    for report in history.reports:
        for noted in report.attempts:
            yield request(noted, "record", report.key, tokens=report.tokens, event=report.event)
    for holding in history.holdings:
        for noted in holding.attempts:
            yield request(noted, "reserve", holding.key, asked=holding.asked, reservation=holding.id)
        for noted in holding.settling:
            yield request(noted, "settle", holding.key, settled=holding.settled, reservation=holding.id)
    for change in history.changes:
        for attempt in change.attempts:
            yield request(
                attempt.noted, change.kind, change.key, named=change.named, replayed=attempt.replayed,
                overlap=change.overlap)


def request(noted: Noted, what: str, key: str | None, **more) -> dict:
    return {
        "name": noted.name, "what": what, "key": key, "node": noted.node, "begun": noted.begun, "ended": noted.ended,
        "status": noted.status, "sent": noted.sent} | more
