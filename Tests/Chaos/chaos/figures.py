"""What a run came to, in figures."""

from collections import Counter

from . import laws
from .history import History
from .kept import Kept
from .scene import Scene


def tell(scene: Scene, found: Kept, broken: int, say) -> None:
    history = scene.history
    say(f"faults: {counted(scene.faults.made)}; PostgreSQL started again {scene.faults.starts} times")
    say(f"connections cut: {counted(scene.wires.counts())}")
    say(f"verifications: {counted(Counter(one.noted.status for one in history.verifications))} (0: no answer)")
    unclear, charged = unknown_charges(history, found)
    say(f"requests of unknown outcome: {unclear}, of which {charged} were charged")
    late = sum(one.noted.status == 401 and history.freezes.within(one.noted) > 0 for one in history.verifications)
    say(f"values that were dead, used on a node that was frozen: {late}")
    changes = Counter(change.kind for change in history.changes if change.acknowledged is not None)
    unclear = sum(
        change.acknowledged is None and any(one.noted.is_unclear for one in change.attempts) for change in history.changes)
    say(f"changes answered: {counted(changes)}; {unclear} of unknown outcome")
    repeats = sum(len(report.attempts) - 1 for report in history.reports)
    settled = sum(any(noted.status == 200 for noted in holding.settling) for holding in history.holdings)
    say(f"reports: {len(history.reports)}, after {repeats} repeats; reservations: "
        f"{sum(holding.id is not None for holding in history.holdings)}, {settled} of them settled")
    longest = max(
        noted.ended - noted.begun - history.freezes.within(noted) for noted in history.all_noted() if noted.patient)
    say(f"no answer took longer than {longest:.1f} s; all nodes were ready {scene.recovered_in:.1f} s after the last fault")
    say(f"{len(laws.LAWS)} laws held, and refused {broken} forgeries")


def unknown_charges(history: History, found: Kept) -> tuple[int, int]:
    """How many requests of keys nobody knows whether they were admitted; and how many the database knows of."""
    unclear = charged = 0
    for key, verifications in laws.by_key(history).items():
        unclear += sum(one.asked["requests"] for one in verifications if one.noted.is_unclear)
        admitted = sum(one.asked["requests"] for one in verifications if one.noted.status == 200)
        charged += found.usage[key].requests - admitted if key in found.usage else 0
    return unclear, charged


def counted(counter: dict) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counter.items(), key=lambda item: str(item[0])))
