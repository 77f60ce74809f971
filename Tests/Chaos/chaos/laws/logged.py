"""The audit log: a row for each change, a change for each row."""

from collections import Counter, defaultdict

from servers.failure import law

from ..history import Change, History
from ..kept import Kept
from ..lives import ACTIONS

# The columns of a key whose changes are logged.
LOGGED = (
    "friendly_name", "usage_limit", "monthly_token_limit", "monthly_stt_secs_limit", "root", "environment", "scopes",
    "expires_at", "linkage_id", "key_hint", "revoked_at", "allowed_cidrs")


def audit_is_complete(history: History, kept: Kept) -> None:
    """One row for each change that was answered, none for what was refused, one or none for what is unclear."""
    rows = defaultdict(list)
    for row in kept.audit:
        rows[row["request_id"]].append(row)
    for change in history.changes:
        found = [row for attempt in change.attempts for row in rows.pop(attempt.noted.name, [])]
        audited(change, found)
    for name, left in rows.items():
        law(all(row["principal"] == "cli" for row in left), f"nobody asked for what the audit log has of {name}")
    law(kept.told == [row["request_id"] for row in kept.audit], "keymeter audit doesn't print what the log has")
    moments = [row["occurred_at"] for row in kept.audit]
    law(moments == sorted(moments), "the audit log's times go back")


def audited(change: Change, found: list[dict]) -> None:
    name = change.attempts[0].noted.name
    law(all(row["action"] == ACTIONS[change.kind] for row in found), f"{name}: {change.kind} is logged as {found}")
    law(change.key is None or all(row["target"] == change.key for row in found), f"{name}: another key is logged")
    of = Counter(row["request_id"] for row in found)
    once = change.named or change.kind in ("create", "revoke", "delete")
    law(not once or len(found) <= 1, f"{name}: {change.kind} is logged {len(found)} times")
    # An attempt that found everything as it was to be, by one before it of which nothing was heard, has no row of its own.
    law(change.acknowledged is None or found != [], f"{name}: {change.kind} was answered, and is not in the audit log")
    for attempt in change.attempts:
        noted, logged = attempt.noted, of[attempt.noted.name]
        law(logged <= 1, f"{noted.name} is in the audit log {logged} times")
        answered = noted.status in (200, 201)
        law(answered or noted.is_unclear or logged == 0, f"{noted.name} was refused, and is in the audit log")
        law(not answered or once or logged == 1 or change.kind == "update",
            f"{noted.name} was answered, and is not in the audit log")


def log_is_the_state(history: History, kept: Kept) -> None:
    """The log, played from its beginning, is what the database has: no change without its row, no row without its change."""
    keys: dict[str, dict] = {}
    rotations: Counter[str] = Counter()
    for row in kept.audit:
        if row["action"] == "key.created":
            keys[row["target"]] = {}
        if row["action"].startswith("key."):
            law(row["target"] in keys, f"{row['target']} is changed, and was never made, or is gone: {row['request_id']}")
            play(row, keys[row["target"]])
        if row["action"] == "key.deleted":
            del keys[row["target"]]
        rotations[row["target"]] += row["action"] == "key.rotated"
    law(keys.keys() == kept.keys.keys(), f"not the keys of the log: {sorted(keys.keys() ^ kept.keys.keys())}")
    for key, state in keys.items():
        found = kept.keys[key]
        for name in LOGGED:
            value = state.get(name)
            # Times are written in another way there.
            same = (value is None) == (found[name] is None) if name.endswith("_at") else value == found[name]
            law(same, f"{key}: {name} is {found[name]}, and {value} by the log")
    former = Counter(kept.former)
    law(former == Counter({key: count for key, count in rotations.items() if key in keys and count}),
        "not the rotations of the log")


def play(row: dict, state: dict) -> None:
    for name, step in row["changes"].items():
        if name == "overlap_secs":
            continue
        law(step.get("old") == state.get(name), f"{row['target']}: {name} was {state.get(name)}, not {step.get('old')}")
        state[name] = step.get("new")
