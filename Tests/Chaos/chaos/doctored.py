"""Laws that hold whatever happened prove nothing: histories and databases that are wrong by little, each of which must be
refused by the law that it breaks."""

from collections.abc import Iterator
from dataclasses import replace

from servers.failure import Failure, law

from . import laws
from .history import Change, History, Verification
from .kept import Kept
from .lives import Lives

# For so many keys charges are forged: those that everybody uses.
BUSY = 7

Case = tuple[str, object, History, Kept]


def see_it_break(history: History, kept: Kept) -> int:
    """Tries all of them; gives how many there were."""
    count = 0
    for what, broken, past, found in cases(history, kept):
        count += 1
        try:
            broken(past, found)
        except Failure:
            continue
        raise Failure(f"{broken.__name__} allows {what}")
    return count


def cases(history: History, kept: Kept) -> Iterator[Case]:
    yield from wrong_charges(history, kept)
    yield from wrong_log(history, kept)
    yield from wrong_state(history, kept)
    yield from wrong_answers(history, kept)
    yield from wrong_reports(history, kept)


def wrong_charges(history: History, kept: Kept) -> Iterator[Case]:
    used_most = sorted(laws.by_key(history).items(), key=lambda item: -len(item[1]))
    for key, verifications in used_most[:BUSY]:
        unclear = 1 + sum(one.asked["requests"] for one in verifications if one.noted.is_unclear)
        right = kept.usage[key]
        for what, more in (("a charge that is lost", -unclear), ("a charge too many", unclear)):
            yield what, laws.charges_are_kept, history, replace(
                kept, usage=kept.usage | {key: right.with_more(more, 0)})
        yield "a day without its charge", laws.charges_are_kept, history, replace(
            kept, usage=kept.usage | {key: replace(right, daily_requests=right.daily_requests - 1)})
    limited = next(
        (one for one in history.verifications if one.noted.status == 200 and one.limits["requests"]), None)
    law(limited is not None, "no key with a limit was used")
    over = replace(limited, used=limited.used | {"requests": limited.limits["requests"] + 1})
    yield "an admission over its limit", laws.limits_hold_at_once, having(history, over), kept
    yield "two admissions by one request that was left", laws.charges_come_one_by_one, having(history, limited), kept


def wrong_log(history: History, kept: Kept) -> Iterator[Case]:
    for kind in ("create", "update", "rotate", "revoke", "delete"):
        change = acknowledged(history, kind)
        names = {attempt.noted.name for attempt in change.attempts}
        left = [row for row in kept.audit if row["request_id"] not in names]
        without = replace(kept, audit=left, told=[row["request_id"] for row in left])
        yield f"a log without {kind}", laws.audit_is_complete, history, without
        yield f"{kind} without its row", laws.log_is_the_state, history, without
        [row] = [row for row in kept.audit if row["request_id"] in names][:1]
        twice = [*kept.audit, row]
        yield f"{kind} in the log twice", laws.audit_is_complete, history, replace(
            kept, audit=twice, told=[row["request_id"] for row in twice])
    foreign = [*kept.audit, kept.audit[-1] | {"request_id": "nobody's", "principal": "key_nobody"}]
    yield "a row that nobody asked for", laws.audit_is_complete, history, replace(
        kept, audit=foreign, told=[row["request_id"] for row in foreign])
    refused = acknowledged(history, "update")
    refusals = [replace(one, noted=replace(one.noted, status=409)) for one in refused.attempts]
    changes = [replace(one, attempts=refusals) if one is refused else one for one in history.changes]
    yield "a refused change in the log", laws.audit_is_complete, replace(history, changes=changes), kept
    yield "a log that keymeter audit doesn't print", laws.audit_is_complete, history, replace(kept, told=kept.told[1:])


def wrong_state(history: History, kept: Kept) -> Iterator[Case]:
    key, row = next((key, row) for key, row in kept.keys.items() if not row["root"])
    yield "a key that is gone", laws.log_is_the_state, history, replace(
        kept, keys={id: one for id, one in kept.keys.items() if id != key})
    yield "another limit than was set", laws.log_is_the_state, history, replace(
        kept, keys=kept.keys | {key: row | {"usage_limit": (row["usage_limit"] or 0) + 1}})
    revoked = row | {"revoked_at": None if row["revoked_at"] else "2026-01-01T00:00:00Z"}
    yield "an end that the log doesn't have", laws.log_is_the_state, history, replace(
        kept, keys=kept.keys | {key: revoked})
    known = {kept.hash(value) for value in Lives(history, kept).spans}
    place = next(place for place, one in enumerate(kept.secrets) if one["present"] and one["hash"] in known)
    for what, wrong in (
            ("a value whose hash is another", {"hash": "00"}), ("a value that is good no more", {"present": False}),
            ("a copy that is not the record's", {"as_record": False})):
        secrets = [*kept.secrets]
        secrets[place] = secrets[place] | wrong
        yield what, laws.values_are_kept, history, replace(kept, secrets=secrets)


def wrong_answers(history: History, kept: Kept) -> Iterator[Case]:
    lives = Lives(history, kept)
    for kind in ("revoke", "delete", "rotate"):
        one = refused_after(history, lives, kind)
        alive = replace(one, noted=replace(one.noted, status=200), limits={}, used={})
        yield f"a value that is good after {kind}", laws.ended_is_dead, having(history, alive, in_place_of=one), kept
        again = replace(alive, noted=replace(alive.noted, begun=one.noted.ended + 1, ended=one.noted.ended + 2))
        yield f"a value that is good again after {kind}", laws.ended_is_dead, having(history, again), kept
    good = admitted(history, lives)
    for status in (500, 403, 404):
        wrong = replace(good, noted=replace(good.noted, status=status))
        yield f"an answer of {status}", laws.honest_answers, having(history, wrong), kept
    refused = replace(good, noted=replace(good.noted, status=401))
    yield "a living value that is refused", laws.ended_is_dead, having(history, refused), kept
    late = replace(good.noted, patient=True, ended=good.noted.begun + 60)
    yield "an answer after a minute", laws.answers_in_time, having(history, replace(good, noted=late)), kept
    limit = replace(good, limits={"requests": 987_654})
    yield "a limit that never was", laws.limits_hold_at_once, having(history, limit), kept


def wrong_reports(history: History, kept: Kept) -> Iterator[Case]:
    key = history.reports[0].key
    for what, more in (("a report that is lost", -1), ("a report that counts twice", 1)):
        yield what, laws.reports_count_once, history, replace(
            kept, usage=kept.usage | {key: kept.usage[key].with_more(0, more)})
    silent = replace(history.reports[0], attempts=[replace(history.reports[0].attempts[0], status=503)])
    yield "a report that is never answered", laws.honest_answers, replace(
        history, reports=[silent, *history.reports[1:]]), kept
    yield "a reservation that is gone", laws.reservations_are_kept, history, replace(
        kept, reservations=kept.reservations[1:])
    place = next(place for place, row in enumerate(kept.reservations) if row["state"] == "settled")
    rows = [*kept.reservations]
    rows[place] = rows[place] | {"settled_requests": rows[place]["settled_requests"] + 1}
    yield "a reservation that is settled otherwise", laws.reservations_are_kept, history, replace(kept, reservations=rows)


def having(history: History, more: Verification, in_place_of: Verification | None = None) -> History:
    others = [one for one in history.verifications if one is not in_place_of]
    return replace(history, verifications=[*others, more])


def acknowledged(history: History, kind: str) -> Change:
    """A change that was answered at once."""
    found = [
        change for change in history.changes
        if change.kind == kind and [attempt.noted.status for attempt in change.attempts] in ([200], [201])]
    law(found != [], f"{kind} was never answered at once")
    return found[0]


def refused_after(history: History, lives: Lives, kind: str) -> Verification:
    """A verification that was refused because its value had ended so."""
    for one in history.verifications:
        span = lives.spans[one.value]
        if one.noted.status == 401 and span.by == kind and one.noted.begun > span.dead:
            return one
    raise Failure(f"nothing was refused after {kind}")


def admitted(history: History, lives: Lives) -> Verification:
    """A verification that was admitted while its value was certainly good."""
    for one in history.verifications:
        span = lives.spans[one.value]
        if one.noted.status == 200 and span.born <= one.noted.begun and one.noted.ended <= span.until:
            return one
    raise Failure("nothing was admitted")
