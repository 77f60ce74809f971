"""Whether what the server asks finds its rows by an index: read from the plans that PostgreSQL really ran."""

import json
import re
from dataclasses import dataclass, field

from bench.cluster import Cluster

from . import statements

# From how many rows on a table is big.
_BIG = 10_000
# A scan that throws away more rows than this, and far more than it keeps, has read them for nothing.
_TOLERATED = 2_000
_FAR_MORE = 20
# Nor may a scan look at more pages than these, and far more than it keeps rows: a condition on an index's later columns
# alone walks over all entries between.
_TOLERATED_PAGES = 150
# A sequential scan that keeps so much of what it reads is no worse than an index.
_WORTHWHILE = 1 / 3

# What reads more than an index would give, and why that is right.
EXCEPTIONS = {
    "pepper_known": "counts the keys of each pepper, which is to look at every key; a command's, and a node's at its start",
    "management_organisations": "lists every organisation, for the command line",
    "management_keys": "lists every key of one organisation, for the command line",
    "management_other_active_root":
        "looks for another root key among the organisation's keys, when a root key is to be ended",
    "audit_read": "walks the organisation's log, and only that, for a filter that few entries pass",
}
# What is never run while keys are served, or changes nothing of the big tables.
UNDRIVEN = {
    "migration_lock": "of a migration", "migration_record": "of a migration", "migration_record_function": "of a migration",
    "migration_defer_body_checks": "of a migration",
}
# Answers at most one month here, and so may read one partition; any other statement reads today's and yesterday's.
_PARTITIONS = {"metering_daily_usage": 1}

_ENTRY = re.compile(r"^«(\d+)» (\w+):  (.*)$")
_PREFIX = "«%p» "
_EXECUTED = re.compile(r"(?:execute [^:]+|statement): (.*)", re.S)
_PLANNED = re.compile(r"duration: [\d.]+ ms  plan:\s*(\{.*)", re.S)
_FUNCTION = re.compile(r'function "?(?:keymeter\.)?(\w+)')


@dataclass
class Verdict:
    """What one statement was seen to do, over all its runs."""

    name: str
    paths: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    most_rows: int = 0
    most_pages: int = 0
    runs: int = 0


class PlanLog:
    """Has PostgreSQL write down what is asked of one database, and with which plans; reads that."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        self.cluster, self.database = cluster, database
        self.log = cluster.folder / "postgres.log"
        self.start = 0
        self.big = set(cluster.sql(database, f"""
            SELECT c.relname FROM pg_class AS c
            WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind = 'r' AND c.reltuples >= {_BIG}
            """).splitlines())

    def begin(self, plans: str) -> None:
        """From now on for new sessions; `plans` is PostgreSQL's plan_cache_mode."""
        self.start = self.log.stat().st_size
        for name, value in {
            "session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0",
            "auto_explain.log_analyze": "on", "auto_explain.log_timing": "off", "auto_explain.log_format": "json",
            "auto_explain.log_nested_statements": "on", "auto_explain.log_buffers": "on", "log_statement": "all",
            "plan_cache_mode": plans,
        }.items():
            self.cluster.sql("postgres", f"ALTER DATABASE {self.database} SET {name} = '{value}'")
        self.cluster.sql("postgres", f"ALTER SYSTEM SET log_line_prefix = '{_PREFIX}'")
        self.cluster.sql("postgres", "SELECT pg_reload_conf()")

    def end(self) -> None:
        self.cluster.sql("postgres", f"ALTER DATABASE {self.database} RESET ALL")

    def read(self, verdicts: dict[str, Verdict]) -> None:
        """Adds what was seen since `begin`."""
        known = statements.catalogue()
        current: dict[int, str | None] = {}
        names: dict[str, str | None] = {}

        def name_of(text: str) -> str | None:
            if text not in names:
                names[text] = statements.name_of(text, known)
            return names[text]

        for process, kind, text, context in self._entries():
            if kind != "LOG":
                continue
            if found := _EXECUTED.match(text):
                current[process] = name_of(found[1])
            elif found := _PLANNED.match(text):
                planned = json.loads(found[1])
                # A statement's own plan may be told when the next one has begun; what its functions ran, before.
                name = name_of(planned["Query Text"]) or current.get(process)
                if name is None:
                    continue
                verdict = verdicts.setdefault(name, Verdict(name))
                verdict.runs += 1
                functions = _FUNCTION.findall(context)
                self._judge(planned["Plan"], verdict, functions[0] if functions else "")

    def _entries(self):
        """Process, kind, text and context of each entry."""
        with self.log.open(errors="replace") as log:
            log.seek(self.start)
            head, lines = None, []
            pending = None
            for line in [*log, None]:
                found = _ENTRY.match(line) if line else None
                if line is not None and not found:
                    lines.append(line.strip("\n").removeprefix("\t"))
                    continue
                if head:
                    process, kind, text = int(head[1]), head[2], "\n".join([head[3], *lines])
                    if kind == "CONTEXT" and pending and pending[0] == process:
                        yield *pending[:3], text
                        pending = None
                    else:
                        if pending:
                            yield *pending[:3], ""
                        pending = (process, kind, text)
                head, lines = found, []
            if pending:
                yield *pending[:3], ""

    def _judge(self, plan: dict, verdict: Verdict, function: str) -> None:
        partitions: set[str] = set()
        inside = f" in {function}" if function else ""
        for node in _nodes(plan):
            relation, loops = node.get("Relation Name"), node.get("Actual Loops", 0)
            # A bitmap's index names no table; the heap scan above it does.
            if not loops or relation not in self.big:
                continue
            kept = node.get("Actual Rows", 0) * loops
            removed = (node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)) * loops
            verdict.most_rows = max(verdict.most_rows, kept + removed)
            table = re.sub(r"_\d{4}_\d{2}$", " (a month)", relation)
            if table != relation:
                partitions.add(relation)
            if node["Node Type"] == "Seq Scan":
                verdict.paths.add(f"{table}, whole{inside}")
                # Without a condition it is one side of a join, which wanted some of its rows.
                if kept < (kept + removed) * _WORTHWHILE or not node.get("Filter"):
                    verdict.faults.add(f"reads all of {relation}{inside}, {kept + removed:,} rows, to keep {kept:,}")
                continue
            if node["Node Type"] == "Tid Scan":
                verdict.paths.add(f"{table} by place")
                continue
            index = node.get("Index Name") or _bitmap_index(node)
            if index is None:
                continue
            verdict.paths.add(re.sub(r"_\d{4}_\d{2}", "_…", index))
            if not _has_condition(node):
                verdict.faults.add(f"walks all of {index}{inside}")
            pages = node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0)
            verdict.most_pages = max(verdict.most_pages, pages)
            if pages > _TOLERATED_PAGES * loops and pages > _FAR_MORE * max(kept, loops):
                verdict.faults.add(f"looks at {pages:,} pages by {index}{inside} to keep {kept:,} rows")
            if removed > _TOLERATED and removed > _FAR_MORE * kept:
                verdict.faults.add(f"reads {kept + removed:,} rows of {relation}{inside} to keep {kept:,}")
        if len(partitions) > _PARTITIONS.get(verdict.name, 2):
            verdict.faults.add(f"reads {len(partitions)} months{inside}")


def _nodes(plan: dict):
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _bitmap_index(node: dict) -> str | None:
    return next((child["Index Name"] for child in _nodes(node) if child["Node Type"] == "Bitmap Index Scan"), None)


def _has_condition(node: dict) -> bool:
    return any("Index Cond" in child for child in _nodes(node))


def faults(verdicts: dict[str, Verdict]) -> list[str]:
    """Which statements read what they need not, and which were never seen."""
    wrong = [f"{verdict.name}: {fault}" for verdict in verdicts.values() for fault in sorted(verdict.faults)
             if verdict.name not in EXCEPTIONS]
    unseen = {named.name for named in statements.catalogue()} - set(verdicts) - set(UNDRIVEN)
    return wrong + [f"{name}: was never run" for name in sorted(unseen)]
