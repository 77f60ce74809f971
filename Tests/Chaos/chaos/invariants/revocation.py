"""Which secrets are valid."""

from collections import defaultdict
from math import inf

from servers.failure import require

from ..database_state import DatabaseState
from ..journal import Journal
from ..timelines import Timelines


def ended_secrets_are_rejected(journal: Journal, state: DatabaseState) -> None:
    """Every node rejects a secret from the moment its end is acknowledged, for good, and rejects no valid secret."""
    timelines = Timelines(journal, state)
    first_rejection: dict[str, float] = defaultdict(lambda: inf)
    for one in journal.verifications:
        if one.record.status == 401:
            first_rejection[one.secret] = min(first_rejection[one.secret], one.record.ended)
    for one in journal.verifications:
        name, node = one.record.request_id, one.record.node
        require(one.secret in timelines.validity, f"{name} used a secret that the audit log does not know")
        validity = timelines.validity[one.secret]
        if one.record.status in (200, 429):
            require(one.record.started <= validity.invalid_from,
                    f"{name}: {node} answered {one.record.status} to a secret that had ended")
            require(one.record.started <= first_rejection[one.secret],
                    f"{name}: {node} accepted a secret that had been rejected before")
        elif one.record.status == 401:
            require(one.record.started < validity.valid_from or one.record.ended > validity.valid_until,
                    f"{name}: {node} rejected a valid secret")


def stored_secrets_match(journal: Journal, state: DatabaseState) -> None:
    """The database stores the hash of each key's latest secret as the only current one. Its copied columns are correct."""
    timelines = Timelines(journal, state)
    current = defaultdict(set)
    for row in state.secrets:
        require(row["copies_match"], f"{row['key_id']}: the columns copied to its secret differ from the key's")
        if row["current"]:
            current[row["key_id"]].add(row["hash"])
    for key_id, steps in timelines.steps.items():
        ended = any(step.kind in ("revoke", "delete") for step in steps)
        require(len(current[key_id]) == (0 if ended else 1),
                f"{key_id}: {len(current[key_id])} current secrets, ended: {ended}")
        last = [step for step in steps if step.kind in ("create", "rotate")][-1]
        if not ended and last.secret is not None:
            require(current[key_id] == {state.secret_hash(last.secret)},
                    f"{key_id}: the current secret is not the one that was issued last")
