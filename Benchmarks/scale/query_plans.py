"""Checks that the server's statements find their rows through an index, using the plans that PostgreSQL executed."""

import json
import re
from dataclasses import dataclass, field

from bench.cluster import Cluster

from . import statements

# A table with at least this many rows is big.
_BIG = 10_000
# A scan must not discard more rows than this, if that is also far more than it keeps.
_MAX_DISCARDED_ROWS = 2_000
_FAR_MORE = 20
# Nor may it visit more pages than this, if that is also far more than the rows it keeps. That happens when a condition uses
# only an index's later columns, so that the scan walks all entries between.
_MAX_PAGES = 150
# A sequential scan that keeps at least this share of its rows is as good as an index scan.
_WORTHWHILE_SHARE = 1 / 3

# Statements that may read more than an index would give, and why.
EXCEPTIONS = {
    "pepper_known": "counts the keys of each pepper and must read every key; only a command and a starting node run it",
    "management_organisations": "lists every organisation, for the command line",
    "management_keys": "lists every key of one organisation, for the command line",
    "management_other_active_root":
        "looks for another root key among the organisation's keys, when a root key is about to end",
    "audit_read": "walks one organisation's audit log, for a filter that few entries match",
}
# Statements that the exercise does not run, and why.
NOT_EXERCISED = {
    "migration_record": "only a migration runs it", "migration_record_function": "only a migration runs it",
    "migration_defer_body_checks": "only a migration runs it",
}
# How many monthly partitions a statement may read. The exercise asks for one month of analytics. Others may read those of
# today and yesterday.
_PARTITIONS, _DEFAULT_PARTITIONS = {"metering_daily_usage": 1}, 2

_ENTRY = re.compile(r"^«(\d+)» (\w+):  (.*)$")
_PREFIX = "«%p» "
_EXECUTED = re.compile(r"(?:execute [^:]+|statement): (.*)", re.S)
_PLANNED = re.compile(r"duration: [\d.]+ ms  plan:\s*(\{.*)", re.S)
_FUNCTION = re.compile(r'function "?(?:keymeter\.)?(\w+)')


@dataclass
class StatementPlans:
    """What all executions of one statement have read."""

    name: str
    # The indexes used, and the tables read whole.
    paths: set[str] = field(default_factory=set)
    problems: set[str] = field(default_factory=set)
    most_rows: int = 0
    most_pages: int = 0
    runs: int = 0


class PlanLog:
    """Makes PostgreSQL log the statements and plans of one database, and reads the log."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        self.cluster, self.database = cluster, database
        self.log = cluster.folder / "postgres.log"
        self.start = 0
        self.big = set(cluster.sql(database, f"""
            SELECT c.relname FROM pg_class AS c
            WHERE c.relnamespace = 'keymeter'::regnamespace AND c.relkind = 'r' AND c.reltuples >= {_BIG}
            """).splitlines())

    def begin(self, plan_cache_mode: str) -> None:
        """Starts logging, for new sessions."""
        self.start = self.log.stat().st_size
        for name, value in {
            "session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0",
            "auto_explain.log_analyze": "on", "auto_explain.log_timing": "off", "auto_explain.log_format": "json",
            "auto_explain.log_nested_statements": "on", "auto_explain.log_buffers": "on", "log_statement": "all",
            "plan_cache_mode": plan_cache_mode,
        }.items():
            self.cluster.sql("postgres", f"ALTER DATABASE {self.database} SET {name} = '{value}'")
        self.cluster.sql("postgres", f"ALTER SYSTEM SET log_line_prefix = '{_PREFIX}'")
        self.cluster.sql("postgres", "SELECT pg_reload_conf()")

    def end(self) -> None:
        self.cluster.sql("postgres", f"ALTER DATABASE {self.database} RESET ALL")

    def read(self, found: dict[str, StatementPlans]) -> None:
        """Adds what was logged since `begin`."""
        known = statements.catalogue()
        current: dict[int, str | None] = {}
        names: dict[str, str | None] = {}

        def name_of(text: str) -> str | None:
            if text not in names:
                names[text] = statements.name_of(text, known)
            return names[text]

        for process, level, text, context in self._entries():
            if level != "LOG":
                continue
            if executed := _EXECUTED.match(text):
                current[process] = name_of(executed[1])
            elif planned := _PLANNED.match(text):
                plan = json.loads(planned[1])
                # A statement's own plan may be logged after the next statement starts. The plans inside its functions are
                # logged before, and have other texts.
                name = name_of(plan["Query Text"]) or current.get(process)
                if name is None:
                    continue
                statement = found.setdefault(name, StatementPlans(name))
                statement.runs += 1
                functions = _FUNCTION.findall(context)
                self._check(plan["Plan"], statement, functions[0] if functions else "")

    def _entries(self):
        """The process id, level, text and context of each log entry."""
        with self.log.open(errors="replace") as log:
            log.seek(self.start)
            head, lines = None, []
            pending = None
            for line in [*log, None]:
                match = _ENTRY.match(line) if line else None
                if line is not None and not match:
                    lines.append(line.strip("\n").removeprefix("\t"))
                    continue
                if head:
                    process, level, text = int(head[1]), head[2], "\n".join([head[3], *lines])
                    if level == "CONTEXT" and pending and pending[0] == process:
                        yield *pending[:3], text
                        pending = None
                    else:
                        if pending:
                            yield *pending[:3], ""
                        pending = (process, level, text)
                head, lines = match, []
            if pending:
                yield *pending[:3], ""

    def _check(self, plan: dict, statement: StatementPlans, function: str) -> None:
        partitions: set[str] = set()
        inside = f" in {function}" if function else ""
        for node in _nodes(plan):
            relation, loops = node.get("Relation Name"), node.get("Actual Loops", 0)
            # A bitmap index scan names no table. The heap scan above it does.
            if not loops or relation not in self.big:
                continue
            kept = node.get("Actual Rows", 0) * loops
            removed = (node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)) * loops
            statement.most_rows = max(statement.most_rows, kept + removed)
            table = re.sub(r"_\d{4}_\d{2}$", " (a month)", relation)
            if table != relation:
                partitions.add(relation)
            if node["Node Type"] == "Seq Scan":
                statement.paths.add(f"{table}, whole{inside}")
                # Without a filter the scan is one side of a join, which needs only some of its rows.
                if kept < (kept + removed) * _WORTHWHILE_SHARE or not node.get("Filter"):
                    statement.problems.add(f"reads all of {relation}{inside}, {kept + removed:,} rows, to keep {kept:,}")
                continue
            if node["Node Type"] == "Tid Scan":
                statement.paths.add(f"{table} by ctid")
                continue
            index = node.get("Index Name") or _bitmap_index(node)
            if index is None:
                continue
            statement.paths.add(re.sub(r"_\d{4}_\d{2}", "_…", index))
            if not _has_condition(node):
                statement.problems.add(f"walks all of {index}{inside}")
            pages = node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0)
            statement.most_pages = max(statement.most_pages, pages)
            if pages > _MAX_PAGES * loops and pages > _FAR_MORE * max(kept, loops):
                statement.problems.add(f"visits {pages:,} pages through {index}{inside} to keep {kept:,} rows")
            if removed > _MAX_DISCARDED_ROWS and removed > _FAR_MORE * kept:
                statement.problems.add(f"reads {kept + removed:,} rows of {relation}{inside} to keep {kept:,}")
        if len(partitions) > _PARTITIONS.get(statement.name, _DEFAULT_PARTITIONS):
            statement.problems.add(f"reads {len(partitions)} months{inside}")


def _nodes(plan: dict):
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _bitmap_index(node: dict) -> str | None:
    return next((child["Index Name"] for child in _nodes(node) if child["Node Type"] == "Bitmap Index Scan"), None)


def _has_condition(node: dict) -> bool:
    return any("Index Cond" in child for child in _nodes(node))


def problems(found: dict[str, StatementPlans]) -> list[str]:
    """The statements that read too much, and those that were never run."""
    wrong = [f"{statement.name}: {problem}" for statement in found.values() for problem in sorted(statement.problems)
             if statement.name not in EXCEPTIONS]
    missing = {statement.name for statement in statements.catalogue()} - set(found) - set(NOT_EXERCISED)
    return wrong + [f"{name}: was never run" for name in sorted(missing)]
