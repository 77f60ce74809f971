"""The audit log has a row for each change, and nothing else."""

from collections import Counter, defaultdict

from servers.failure import require

from ..database_state import DatabaseState
from ..journal import Journal, KeyChange
from ..timelines import ACTIONS

# The columns of api_keys whose changes are logged.
LOGGED_COLUMNS = (
    "friendly_name", "usage_limit", "monthly_token_limit", "monthly_stt_secs_limit", "root", "environment", "scopes",
    "expires_at", "linkage_id", "key_hint", "revoked_at", "allowed_cidrs")


def audit_log_is_complete(journal: Journal, state: DatabaseState) -> None:
    """An acknowledged change has one row, a rejected one has none, and one of unknown outcome has at most one."""
    rows = defaultdict(list)
    for row in state.audit:
        rows[row["request_id"]].append(row)
    for change in journal.changes:
        check_rows(change, [row for attempt in change.attempts for row in rows.pop(attempt.record.request_id, [])])
    for request_id, others in rows.items():
        require(all(row["principal"] == "cli" for row in others), f"no client sent {request_id}, which is in the audit log")
    require(state.printed_request_ids == [row["request_id"] for row in state.audit],
            "`keymeter audit` does not print the audit log")
    times = [row["occurred_at"] for row in state.audit]
    require(times == sorted(times), "the times in the audit log go backwards")


def check_rows(change: KeyChange, rows: list[dict]) -> None:
    name = change.attempts[0].record.request_id
    require(all(row["action"] == ACTIONS[change.kind] for row in rows), f"{name}: {change.kind} is logged as {rows}")
    require(change.key_id is None or all(row["target"] == change.key_id for row in rows),
            f"{name}: the row names another key")
    counts = Counter(row["request_id"] for row in rows)
    happens_once = change.idempotent or change.kind in ("create", "revoke", "delete")
    require(not happens_once or len(rows) <= 1, f"{name}: {change.kind} is logged {len(rows)} times")
    # A retry has no row if an earlier attempt, of unknown outcome, has made the change.
    require(change.acknowledged_at is None or rows != [], f"{name}: {change.kind} was acknowledged, but is not logged")
    for attempt in change.attempts:
        record, logged = attempt.record, counts[attempt.record.request_id]
        require(logged <= 1, f"{record.request_id} is logged {logged} times")
        require(record.is_success or record.outcome_unknown or logged == 0,
                f"{record.request_id} was rejected, but is logged")
        require(not record.is_success or happens_once or logged == 1 or change.kind == "update",
                f"{record.request_id} was acknowledged, but is not logged")


def audit_log_replays_to_tables(journal: Journal, state: DatabaseState) -> None:
    """Replaying the audit log from its start gives exactly the rows of api_keys."""
    keys: dict[str, dict] = {}
    rotations: Counter[str] = Counter()
    for row in state.audit:
        key_id = row["target"]
        if row["action"] == "key.created":
            keys[key_id] = {}
        if row["action"].startswith("key."):
            require(key_id in keys, f"{row['request_id']} changed {key_id}, which did not exist")
            apply(row, keys[key_id])
        if row["action"] == "key.deleted":
            del keys[key_id]
        rotations[key_id] += row["action"] == "key.rotated"
    require(keys.keys() == state.keys.keys(),
            f"the audit log and the tables have different keys: {sorted(keys.keys() ^ state.keys.keys())}")
    for key_id, columns in keys.items():
        stored = state.keys[key_id]
        for name in LOGGED_COLUMNS:
            value = columns.get(name)
            # The log formats times differently, so only their presence is compared.
            equal = (value is None) == (stored[name] is None) if name.endswith("_at") else value == stored[name]
            require(equal, f"{key_id}: {name} is {stored[name]}, but {value} in the audit log")
    former = Counter(state.former)
    require(former == Counter({key_id: count for key_id, count in rotations.items() if key_id in keys and count}),
            "the former secrets differ from the rotations in the audit log")


def apply(row: dict, columns: dict) -> None:
    for name, change in row["changes"].items():
        if name == "overlap_secs":
            continue
        require(change.get("old") == columns.get(name),
                f"{row['target']}: {name} was {columns.get(name)}, not {change.get('old')}")
        columns[name] = change.get("new")
