"""What must hold for every client journal and the database behind it. A violation raises Failure."""

from ..database_state import DatabaseState
from ..journal import Journal
from .audit import audit_log_is_complete, audit_log_replays_to_tables
from .charges import charges_are_linearisable, charges_match_admissions, limits_apply_immediately, verifications_by_key
from .responses import responses_are_correct, responses_are_in_time
from .revocation import ended_secrets_are_rejected, stored_secrets_match
from .usage import reports_count_once, reservations_match

INVARIANTS = (
    responses_are_correct, responses_are_in_time, audit_log_is_complete, audit_log_replays_to_tables, stored_secrets_match,
    charges_match_admissions, charges_are_linearisable, limits_apply_immediately, ended_secrets_are_rejected,
    reports_count_once, reservations_match)
__all__ = ["INVARIANTS", "check_all", "verifications_by_key", *(invariant.__name__ for invariant in INVARIANTS)]


def check_all(journal: Journal, state: DatabaseState) -> None:
    for invariant in INVARIANTS:
        invariant(journal, state)
