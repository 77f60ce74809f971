"""Which statuses a client may get, and how late."""

from servers.failure import require

from ..database_state import DatabaseState
from ..journal import Journal, RequestRecord

# The longest permitted request, in seconds: two admissions of 3 s or a statement of 5 s, 2 s to detect a broken connection,
# and the time to connect and to be scheduled on a busy machine.
LONGEST_REQUEST = 15.0
# The statuses that a verification, and a retried report or settlement, may get. 0 is no response.
VERIFY_STATUSES, REPORT_STATUSES = {0, 200, 401, 429, 503}, {0, 200, 409, 503}


def responses_are_correct(journal: Journal, _state: DatabaseState) -> None:
    """No response is wrong: no 500, and no rejection of a valid request."""
    for verification in journal.verifications:
        expect(verification.record, VERIFY_STATUSES)
    for report in journal.reports:
        require(report.is_acknowledged, f"a report was never acknowledged: {report.attempts[-1]}")
        for record in report.attempts:
            expect(record, REPORT_STATUSES if report.event_id is None else REPORT_STATUSES - {409})
    for reservation in journal.reservations:
        require(reservation.attempts[-1].status in (201, 429),
                f"a reservation was never answered: {reservation.attempts[-1]}")
        for record in reservation.attempts:
            expect(record, {0, 201, 409, 429, 503})
        for record in reservation.settle_attempts:
            expect(record, REPORT_STATUSES)
    for change in journal.changes:
        # A retried deletion finds nothing if an earlier attempt, of unknown outcome, has deleted the key.
        retried = change.kind == "delete" and any(attempt.record.outcome_unknown for attempt in change.attempts)
        not_found = {404} if retried else set()
        in_flight = {409} if change.idempotent else set()
        for attempt in change.attempts:
            expect(attempt.record, {0, 200, 201, 503} | not_found | in_flight)
        if change.idempotent:
            require(change.acknowledged_at is not None, f"a change was never acknowledged: {change}")
            secrets = {attempt.secret for attempt in change.attempts if attempt.secret is not None}
            require(len(secrets) <= 1,
                    f"{change.attempts[0].record.request_id}: {len(secrets)} secrets for one Idempotency-Key")


def expect(record: RequestRecord, statuses: set[int]) -> None:
    require(record.status in statuses, f"{record.request_id} got status {record.status} from {record.node}")


def responses_are_in_time(journal: Journal, _state: DatabaseState) -> None:
    """No request waits too long under any fault. Time during which its node was frozen does not count."""
    for record in journal.all_records():
        if record.full_timeout:
            seconds = record.ended - record.started - journal.freezes.overlap(record)
            require(seconds <= LONGEST_REQUEST,
                    f"{record.request_id} waited {seconds:.1f} s for {record.node} and got status {record.status}")
