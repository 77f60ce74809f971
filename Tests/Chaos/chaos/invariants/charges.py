"""Charges and limits."""

from collections import defaultdict
from math import inf

from servers.charges import Usage, check_charges
from servers.failure import require

from ..database_state import DatabaseState
from ..journal import DIMENSIONS, Journal, Verification
from ..timelines import Timelines


def charges_match_admissions(journal: Journal, state: DatabaseState) -> None:
    """Each admission is charged, no other charge exists, and no limit is exceeded."""
    timelines = Timelines(journal, state)
    for key_id, verifications in verifications_by_key(journal).items():
        usage = state.usage.get(key_id, Usage())
        for dimension in DIMENSIONS:
            check_charges(
                key_id, dimension, charged=getattr(usage, dimension), daily=getattr(usage, f"daily_{dimension}"),
                admitted=sum(one.amounts[dimension] for one in verifications if one.record.status == 200),
                unknown=sum(one.amounts[dimension] for one in verifications if one.record.outcome_unknown),
                limit=timelines.highest_limit(key_id, dimension))


def charges_are_linearisable(journal: Journal, state: DatabaseState) -> None:
    """The usage in the responses puts the charges in an order. No two overlap in it, and it agrees with real time."""
    for key_id, verifications in verifications_by_key(journal).items():
        for dimension in DIMENSIONS:
            for period in {one.period for one in verifications if one.period}:
                charges = sorted(
                    (one for one in verifications
                     if one.record.status == 200 and one.period == period and one.amounts[dimension] > 0),
                    key=lambda one: one.used[dimension])
                check_order(key_id, dimension, charges)


def check_order(key_id: str, dimension: str, charges: list[Verification]) -> None:
    for earlier, later in zip(charges, charges[1:]):
        require(earlier.used[dimension] <= later.used[dimension] - later.amounts[dimension],
                f"{key_id}: {earlier.record.request_id} and {later.record.request_id} were charged the same {dimension}")
    earliest_end = inf
    for one in reversed(charges):
        require(one.record.started <= earliest_end,
                f"{key_id}: {one.record.request_id} was charged {dimension} before a request that had already ended")
        earliest_end = min(earliest_end, one.record.ended)


def limits_apply_immediately(journal: Journal, state: DatabaseState) -> None:
    """Each verification is judged by a limit that was in force while it ran."""
    timelines = Timelines(journal, state)
    for one in journal.verifications:
        name = one.record.request_id
        for dimension, limit in one.limits.items():
            possible = timelines.limits(one.key_id, dimension, one.record.started, one.record.ended)
            require(limit in possible, f"{name} was judged by a limit of {limit} {dimension}, not by one of {possible}")
            used, amount = one.used[dimension], one.amounts[dimension]
            if one.record.status == 200:
                require(limit is None or used <= limit or amount == 0,
                        f"{name} was admitted at {used} {dimension}, over the limit of {limit}")
            else:
                require(used + amount > limit, f"{name} was rejected at {used} of {limit} {dimension}")


def verifications_by_key(journal: Journal) -> dict[str, list[Verification]]:
    """The verifications of keys that are charged by verifications only."""
    others = {report.key_id for report in journal.reports} | {one.key_id for one in journal.reservations}
    found = defaultdict(list)
    for one in journal.verifications:
        if one.key_id not in others:
            found[one.key_id].append(one)
    return found
