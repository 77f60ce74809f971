"""What has ended, and what lives."""

from collections import defaultdict
from math import inf

from servers.failure import law

from ..history import History
from ..kept import Kept
from ..lives import Lives


def ended_is_dead(history: History, kept: Kept) -> None:
    """What has ended is dead on every node at once and for good; what has not, is alive."""
    lives = Lives(history, kept)
    refused: dict[str, float] = defaultdict(lambda: inf)
    for one in history.verifications:
        if one.noted.status == 401:
            refused[one.value] = min(refused[one.value], one.noted.ended)
    for one in history.verifications:
        law(one.value in lives.spans, f"{one.noted.name} used a value that the audit log doesn't know")
        span, noted = lives.spans[one.value], one.noted
        if noted.status in (200, 429):
            law(noted.begun <= span.dead, f"{noted.name}: {noted.node} answered {noted.status} to a value that had ended")
            law(noted.begun <= refused[one.value], f"{noted.name}: {noted.node} admitted a value that was refused before")
        elif noted.status == 401:
            law(noted.begun < span.born or noted.ended > span.until, f"{noted.name}: {noted.node} refused a living value")


def values_are_kept(history: History, kept: Kept) -> None:
    """The value that was shown last is in the database, as a hash and with its key's facts; so is no other."""
    lives = Lives(history, kept)
    present = defaultdict(set)
    for secret in kept.secrets:
        law(secret["as_record"], f"{secret['key_id']}: the copies beside its secret are not what its record says")
        if secret["present"]:
            present[secret["key_id"]].add(secret["hash"])
    for key, steps in lives.steps.items():
        ended = any(step.kind in ("revoke", "delete") for step in steps)
        law(len(present[key]) == (0 if ended else 1), f"{key}: {len(present[key])} values are good, ended: {ended}")
        last = [step for step in steps if step.kind in ("create", "rotate")][-1]
        if not ended and last.value is not None:
            law(present[key] == {kept.hash(last.value)}, f"{key}: the value that was shown last is not the one that is good")
