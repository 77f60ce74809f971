"""Writes the client journal and the audit log to a file, for debugging a failure. The file contains no secret."""

import json
from collections.abc import Iterator
from pathlib import Path

from .database_state import DatabaseState
from .journal import Journal, RequestRecord


def write(journal: Journal, state: DatabaseState, target: Path) -> None:
    """Writes one line of JSON for each request, ordered by start, then one for each row of the audit log."""
    with target.open("w") as file:
        for line in sorted(request_lines(journal), key=lambda line: line["started"]):
            print(json.dumps(line), file=file)
        for row in state.audit:
            print(json.dumps(row), file=file)


def request_lines(journal: Journal) -> Iterator[dict]:
    for one in journal.verifications:
        yield request_line(one.record, "verify", one.key_id, amounts=one.amounts, used=one.used, limits=one.limits)
    for report in journal.reports:
        for record in report.attempts:
            yield request_line(record, "record", report.key_id, tokens=report.tokens, event_id=report.event_id)
    for reservation in journal.reservations:
        for record in reservation.attempts:
            yield request_line(
                record, "reserve", reservation.key_id, amounts=reservation.amounts, reservation=reservation.id)
        for record in reservation.settle_attempts:
            yield request_line(
                record, "settle", reservation.key_id, amounts=reservation.settled_amounts, reservation=reservation.id)
    for change in journal.changes:
        for attempt in change.attempts:
            yield request_line(
                attempt.record, change.kind, change.key_id, idempotent=change.idempotent, replayed=attempt.replayed,
                overlap=change.overlap)


def request_line(record: RequestRecord, operation: str, key_id: str | None, **details) -> dict:
    return {
        "request_id": record.request_id, "operation": operation, "key": key_id, "node": record.node,
        "started": record.started, "ended": record.ended, "status": record.status, "sent": record.sent} | details
