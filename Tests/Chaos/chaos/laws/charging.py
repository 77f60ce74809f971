"""What is charged: all that was admitted, nothing else, and never more than is allowed."""

from collections import defaultdict
from math import inf

from servers.charges import Charged, hold_charge
from servers.failure import law

from ..history import DIMENSIONS, History, Verification
from ..kept import Kept
from ..lives import Lives


def charges_are_kept(history: History, kept: Kept) -> None:
    """What was admitted is charged, what is charged was asked for, and no limit is exceeded."""
    lives = Lives(history, kept)
    for key, verifications in by_key(history).items():
        found = kept.usage.get(key, Charged())
        for dimension in DIMENSIONS:
            hold_charge(
                key, dimension, charged=getattr(found, dimension), daily=getattr(found, f"daily_{dimension}"),
                admitted=sum(one.asked[dimension] for one in verifications if one.noted.status == 200),
                unclear=sum(one.asked[dimension] for one in verifications if one.noted.is_unclear),
                limit=lives.highest(key, dimension))


def charges_come_one_by_one(history: History, kept: Kept) -> None:
    """Each answer says what is used after it: no two say that they took the same, and none took what was taken before it
    began."""
    for key, verifications in by_key(history).items():
        for dimension in DIMENSIONS:
            for period in {one.period for one in verifications if one.period}:
                taken = sorted(
                    (one for one in verifications
                     if one.noted.status == 200 and one.period == period and one.asked[dimension] > 0),
                    key=lambda one: one.used[dimension])
                in_line(key, dimension, taken)


def in_line(key: str, dimension: str, taken: list[Verification]) -> None:
    for earlier, later in zip(taken, taken[1:]):
        law(earlier.used[dimension] <= later.used[dimension] - later.asked[dimension],
            f"{key}: {earlier.noted.name} and {later.noted.name} took the same {dimension}")
    ended = inf
    for one in reversed(taken):
        law(one.noted.begun <= ended, f"{key}: {one.noted.name} took {dimension} before others that had ended")
        ended = min(ended, one.noted.ended)


def limits_hold_at_once(history: History, kept: Kept) -> None:
    """Each verification is judged by the limit of its time: what was lowered before it began admits no more."""
    lives = Lives(history, kept)
    for one in history.verifications:
        for dimension, limit in one.limits.items():
            possible = lives.limits(one.key, dimension, one.noted.begun, one.noted.ended)
            law(limit in possible, f"{one.noted.name} was judged by a limit of {limit} {dimension}, not {possible}")
            if one.noted.status == 200:
                law(limit is None or one.used[dimension] <= limit or one.asked[dimension] == 0,
                    f"{one.noted.name} was admitted: {one.used[dimension]} {dimension}, over {limit}")
            else:
                law(one.used[dimension] + one.asked[dimension] > limit,
                    f"{one.noted.name} was refused: {one.used[dimension]} {dimension} of {limit}")


def by_key(history: History) -> dict[str, list[Verification]]:
    """The verifications of keys that nothing else charges."""
    others = {report.key for report in history.reports} | {holding.key for holding in history.holdings}
    found = defaultdict(list)
    for one in history.verifications:
        if one.key not in others:
            found[one.key].append(one)
    return found
