"""Tests the invariants themselves: each must detect a client journal or a database with one small error in it."""

from collections.abc import Iterator
from dataclasses import replace

from servers.failure import Failure, require

from . import invariants
from .database_state import DatabaseState
from .journal import Journal, KeyChange, Verification
from .timelines import Timelines

# How many keys get tampered charges: the fixed ones, which have the most verifications.
BUSIEST_KEYS = 7

# What was tampered with, the invariant that must detect it, and the tampered journal and database.
Case = tuple[str, object, Journal, DatabaseState]


def check_tampering_is_detected(journal: Journal, state: DatabaseState) -> int:
    """Checks all cases and returns how many there were."""
    count = 0
    for description, invariant, tampered_journal, tampered_state in cases(journal, state):
        count += 1
        try:
            invariant(tampered_journal, tampered_state)
        except Failure:
            continue
        raise Failure(f"{invariant.__name__} does not detect {description}")
    return count


def cases(journal: Journal, state: DatabaseState) -> Iterator[Case]:
    yield from charge_cases(journal, state)
    yield from audit_cases(journal, state)
    yield from table_cases(journal, state)
    yield from response_cases(journal, state)
    yield from usage_cases(journal, state)


def charge_cases(journal: Journal, state: DatabaseState) -> Iterator[Case]:
    busiest = sorted(invariants.verifications_by_key(journal).items(), key=lambda item: -len(item[1]))
    for key_id, verifications in busiest[:BUSIEST_KEYS]:
        unknown = 1 + sum(one.amounts["requests"] for one in verifications if one.record.outcome_unknown)
        usage = state.usage[key_id]
        for description, difference in (("a lost charge", -unknown), ("an extra charge", unknown)):
            yield description, invariants.charges_match_admissions, journal, replace(
                state, usage=state.usage | {key_id: usage.plus(difference, 0)})
        yield "a daily row without its charge", invariants.charges_match_admissions, journal, replace(
            state, usage=state.usage | {key_id: replace(usage, daily_requests=usage.daily_requests - 1)})
    limited = next(
        (one for one in journal.verifications if one.record.status == 200 and one.limits["requests"]), None)
    require(limited is not None, "no key with a limit was used")
    over = replace(limited, used=limited.used | {"requests": limited.limits["requests"] + 1})
    yield "an admission over the limit", invariants.limits_apply_immediately, with_verification(journal, over), state
    yield ("two admissions for the same charge", invariants.charges_are_linearisable, with_verification(journal, limited),
           state)


def audit_cases(journal: Journal, state: DatabaseState) -> Iterator[Case]:
    def with_rows(rows: list[dict]) -> DatabaseState:
        return replace(state, audit=rows, printed_request_ids=[row["request_id"] for row in rows])

    for kind in ("create", "update", "rotate", "revoke", "delete"):
        change = acknowledged_change(journal, kind)
        request_ids = {attempt.record.request_id for attempt in change.attempts}
        removed = with_rows([row for row in state.audit if row["request_id"] not in request_ids])
        yield f"a missing row of {kind}", invariants.audit_log_is_complete, journal, removed
        yield f"{kind} without its row", invariants.audit_log_replays_to_tables, journal, removed
        [row] = [row for row in state.audit if row["request_id"] in request_ids][:1]
        yield f"a second row of {kind}", invariants.audit_log_is_complete, journal, with_rows([*state.audit, row])
    foreign = state.audit[-1] | {"request_id": "foreign", "principal": "key_foreign"}
    yield "a row without a request", invariants.audit_log_is_complete, journal, with_rows([*state.audit, foreign])
    change = acknowledged_change(journal, "update")
    rejected = [replace(one, record=replace(one.record, status=409)) for one in change.attempts]
    changes = [replace(one, attempts=rejected) if one is change else one for one in journal.changes]
    yield ("a row of a rejected change", invariants.audit_log_is_complete, replace(journal, changes=changes), state)
    yield "a row that `keymeter audit` does not print", invariants.audit_log_is_complete, journal, replace(
        state, printed_request_ids=state.printed_request_ids[1:])


def table_cases(journal: Journal, state: DatabaseState) -> Iterator[Case]:
    key_id, row = next((key_id, row) for key_id, row in state.keys.items() if not row["root"])
    yield "a missing key", invariants.audit_log_replays_to_tables, journal, replace(
        state, keys={id: one for id, one in state.keys.items() if id != key_id})
    yield "a changed limit", invariants.audit_log_replays_to_tables, journal, replace(
        state, keys=state.keys | {key_id: row | {"usage_limit": (row["usage_limit"] or 0) + 1}})
    revoked = row | {"revoked_at": None if row["revoked_at"] else "2026-01-01T00:00:00Z"}
    yield "a revocation that is not logged", invariants.audit_log_replays_to_tables, journal, replace(
        state, keys=state.keys | {key_id: revoked})
    known = {state.secret_hash(secret) for secret in Timelines(journal, state).validity}
    index = next(index for index, one in enumerate(state.secrets) if one["current"] and one["hash"] in known)
    for description, tampered in (
            ("a changed secret hash", {"hash": "00"}), ("a current secret that has ended", {"current": False}),
            ("a copied column that differs", {"copies_match": False})):
        secrets = [*state.secrets]
        secrets[index] = secrets[index] | tampered
        yield description, invariants.stored_secrets_match, journal, replace(state, secrets=secrets)


def response_cases(journal: Journal, state: DatabaseState) -> Iterator[Case]:
    timelines = Timelines(journal, state)
    for kind in ("revoke", "delete", "rotate"):
        rejected = rejected_after(journal, timelines, kind)
        accepted = replace(rejected, record=replace(rejected.record, status=200), limits={}, used={})
        yield (f"a secret accepted after {kind}", invariants.ended_secrets_are_rejected,
               with_verification(journal, accepted, replacing=rejected), state)
        later = replace(
            accepted.record, started=rejected.record.ended + 1, ended=rejected.record.ended + 2)
        yield (f"a secret accepted again after {kind}", invariants.ended_secrets_are_rejected,
               with_verification(journal, replace(accepted, record=later)), state)
    good = admitted(journal, timelines)
    for status in (500, 403, 404):
        wrong = replace(good, record=replace(good.record, status=status))
        yield f"a response of {status}", invariants.responses_are_correct, with_verification(journal, wrong), state
    rejected = replace(good, record=replace(good.record, status=401))
    yield ("a rejected valid secret", invariants.ended_secrets_are_rejected, with_verification(journal, rejected), state)
    late = replace(good, record=replace(good.record, full_timeout=True, ended=good.record.started + 60))
    yield "a response after a minute", invariants.responses_are_in_time, with_verification(journal, late), state
    limit = replace(good, limits={"requests": 987_654})
    yield "a limit that never existed", invariants.limits_apply_immediately, with_verification(journal, limit), state


def usage_cases(journal: Journal, state: DatabaseState) -> Iterator[Case]:
    key_id = journal.reports[0].key_id
    for description, difference in (("a lost report", -1), ("a report that counts twice", 1)):
        yield description, invariants.reports_count_once, journal, replace(
            state, usage=state.usage | {key_id: state.usage[key_id].plus(0, difference)})
    first, *others = journal.reports
    failed = replace(first, attempts=[replace(first.attempts[0], status=503)])
    yield ("a report that was never acknowledged", invariants.responses_are_correct,
           replace(journal, reports=[failed, *others]), state)
    yield "a missing reservation", invariants.reservations_match, journal, replace(
        state, reservations=state.reservations[1:])
    rows = [*state.reservations]
    index = next(index for index, row in enumerate(rows) if row["state"] == "settled")
    rows[index] = rows[index] | {"settled_requests": rows[index]["settled_requests"] + 1}
    yield "a reservation settled with another amount", invariants.reservations_match, journal, replace(
        state, reservations=rows)


def with_verification(journal: Journal, added: Verification, replacing: Verification | None = None) -> Journal:
    others = [one for one in journal.verifications if one is not replacing]
    return replace(journal, verifications=[*others, added])


def acknowledged_change(journal: Journal, kind: str) -> KeyChange:
    """A change that was acknowledged at its first attempt."""
    found = [
        change for change in journal.changes
        if change.kind == kind and [attempt.record.status for attempt in change.attempts] in ([200], [201])]
    require(found != [], f"no {kind} was acknowledged at its first attempt")
    return found[0]


def rejected_after(journal: Journal, timelines: Timelines, kind: str) -> Verification:
    """A verification that was rejected because a change of this kind had ended its secret."""
    for one in journal.verifications:
        validity = timelines.validity[one.secret]
        if one.record.status == 401 and validity.ended_by == kind and one.record.started > validity.invalid_from:
            return one
    raise Failure(f"no secret was rejected after {kind}")


def admitted(journal: Journal, timelines: Timelines) -> Verification:
    """A verification that was admitted while its secret was certainly valid."""
    for one in journal.verifications:
        validity = timelines.validity[one.secret]
        if (one.record.status == 200 and validity.valid_from <= one.record.started
                and one.record.ended <= validity.valid_until):
            return one
    raise Failure("no verification was admitted")
