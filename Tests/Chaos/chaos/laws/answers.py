"""What may be answered, and how late."""

from servers.failure import law

from ..history import History, Noted
from ..kept import Kept

# The longest that anybody waits for an answer, in seconds: twice an admission's 3 s, or a statement's 5 s, with 2 s for the
# connection to notice, and what it takes to connect and to be served on a machine with much to do.
LONGEST_REQUEST = 15.0
# What may be answered to a verification, and to what is repeated until it is answered; 0 is no answer.
VERIFYING, REPORTING = {0, 200, 401, 429, 503}, {0, 200, 409, 503}


def honest_answers(history: History, _kept: Kept) -> None:
    """Nothing is answered but what is so: no 500, and no refusal of what is right."""
    for verification in history.verifications:
        expect(verification.noted, VERIFYING)
    for report in history.reports:
        law(report.is_answered, f"a report was never answered: {report.attempts[-1]}")
        for noted in report.attempts:
            expect(noted, REPORTING if report.event is None else REPORTING - {409})
    for holding in history.holdings:
        law(holding.attempts[-1].status in (201, 429), f"a reservation was never answered: {holding.attempts[-1]}")
        for noted in holding.attempts:
            expect(noted, {0, 201, 409, 429, 503})
        for noted in holding.settling:
            expect(noted, REPORTING)
    for change in history.changes:
        # What was ended by an attempt of which nothing was heard is not there any more for the next one.
        gone = {404} if change.kind == "delete" and any(one.noted.is_unclear for one in change.attempts) else set()
        in_flight = {409} if change.named else set()
        for attempt in change.attempts:
            expect(attempt.noted, {0, 200, 201, 503} | gone | in_flight)
        if change.named:
            law(change.acknowledged is not None, f"a change was never answered: {change}")
            shown = {one.value for one in change.attempts if one.value is not None}
            law(len(shown) <= 1, f"{change.attempts[0].noted.name}: {len(shown)} values were shown for one")


def expect(noted: Noted, statuses: set[int]) -> None:
    law(noted.status in statuses, f"{noted.name} was answered {noted.status} by {noted.node}")


def answers_in_time(history: History, _kept: Kept) -> None:
    """No request is left to wait, whatever is wrong; but a node that is frozen answers when it can."""
    for noted in history.all_noted():
        if noted.patient:
            seconds = noted.ended - noted.begun - history.freezes.within(noted)
            law(seconds <= LONGEST_REQUEST, f"{noted.name} waited {seconds:.1f} s for {noted.node}: {noted.status}")
