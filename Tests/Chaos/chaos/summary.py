"""Prints what happened in a run, in numbers."""

from collections import Counter

from . import invariants
from .database_state import DatabaseState
from .journal import Journal
from .testbed import Testbed


def print_summary(testbed: Testbed, state: DatabaseState, tampered: int, say) -> None:
    journal, injector = testbed.journal, testbed.injector
    say(f"faults: {listed(injector.injected)}; PostgreSQL was restarted {injector.restarts} times")
    say(f"connections cut: {listed(testbed.proxy.cut_counts())}")
    say(f"verifications by status: {listed(Counter(one.record.status for one in journal.verifications))} (0: no response)")
    unknown, charged = unknown_charges(journal, state)
    say(f"requests of unknown outcome: {unknown}, of which {charged} were charged")
    on_frozen_node = sum(
        one.record.status == 401 and journal.freezes.overlap(one.record) > 0 for one in journal.verifications)
    say(f"retired secrets rejected by a node that had been frozen: {on_frozen_node}")
    changes = Counter(change.kind for change in journal.changes if change.acknowledged_at is not None)
    unknown = sum(
        change.acknowledged_at is None and any(one.record.outcome_unknown for one in change.attempts)
        for change in journal.changes)
    say(f"changes acknowledged: {listed(changes)}; {unknown} of unknown outcome")
    retries = sum(len(report.attempts) - 1 for report in journal.reports)
    settled = sum(any(record.status == 200 for record in one.settle_attempts) for one in journal.reservations)
    say(f"reports: {len(journal.reports)}, after {retries} retries; reservations: "
        f"{sum(one.id is not None for one in journal.reservations)}, {settled} of them settled")
    longest = max(
        record.ended - record.started - journal.freezes.overlap(record)
        for record in journal.all_records() if record.full_timeout)
    say(f"longest request: {longest:.1f} s; all nodes were ready {testbed.recovery_seconds:.1f} s after the last fault")
    say(f"{len(invariants.INVARIANTS)} invariants held, and detected all {tampered} tampered journals and databases")


def unknown_charges(journal: Journal, state: DatabaseState) -> tuple[int, int]:
    """How many requests were asked for with unknown outcome, and how many of those the database charged."""
    unknown = charged = 0
    for key_id, verifications in invariants.verifications_by_key(journal).items():
        unknown += sum(one.amounts["requests"] for one in verifications if one.record.outcome_unknown)
        admitted = sum(one.amounts["requests"] for one in verifications if one.record.status == 200)
        charged += state.usage[key_id].requests - admitted if key_id in state.usage else 0
    return unknown, charged


def listed(counter: dict) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counter.items(), key=lambda item: str(item[0])))
