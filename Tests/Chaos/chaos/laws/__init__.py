"""What must hold of a history and the database that it was made with; a law that is broken raises Failure."""

from ..history import History
from ..kept import Kept
from .answers import answers_in_time, honest_answers
from .charging import by_key, charges_are_kept, charges_come_one_by_one, limits_hold_at_once
from .ending import ended_is_dead, values_are_kept
from .logged import audit_is_complete, log_is_the_state
from .reporting import reports_count_once, reservations_are_kept

LAWS = (
    honest_answers, answers_in_time, audit_is_complete, log_is_the_state, values_are_kept, charges_are_kept,
    charges_come_one_by_one, limits_hold_at_once, ended_is_dead, reports_count_once, reservations_are_kept)
__all__ = ["LAWS", "by_key", "hold", *(one.__name__ for one in LAWS)]


def hold(history: History, kept: Kept) -> None:
    """All of them, one after the other."""
    for one in LAWS:
        one(history, kept)
