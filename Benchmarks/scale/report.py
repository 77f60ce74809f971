"""Writes the tables of Benchmarks/SCALE.md."""

from dataclasses import dataclass, field
from datetime import date

from bench.measurement import Summary
from bench.report import Exactness, table

from .latency import Timing
from .migrations import MigrationTimes
from .profile import Profile
from .query_plans import EXCEPTIONS, NOT_EXERCISED, StatementPlans
from .verification import CommitStats


@dataclass
class Size:
    name: str
    rows: int
    table: int
    indexes: int
    total: int


@dataclass
class Results:
    about: list[tuple[str, str]]
    load_average: float
    profile: Profile
    months: list[date]
    # How long it took to migrate an empty database, and to load the large key set.
    empty_seconds: float
    load_seconds: float
    migrations: list[MigrationTimes] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    keys: dict[tuple[str, int], Summary] = field(default_factory=dict)
    nodes: dict[tuple[str, int], Summary] = field(default_factory=dict)
    commit_stats: dict[tuple[str, int], CommitStats] = field(default_factory=dict)
    requests: list[Timing] = field(default_factory=list)
    reports: list[Timing] = field(default_factory=list)
    statements: dict[str, StatementPlans] = field(default_factory=dict)
    exactness: list[Exactness] = field(default_factory=list)
    pepper_status_seconds: float = 0.0
    disk_peak: int = 0
    seconds: float = 0.0


def tables(results: Results) -> str:
    profile = results.profile
    lines = ["| Machine | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in results.about), ""]
    lines += [
        f"{profile.keys:,} keys in {1 + (profile.keys - profile.large) // 100:,} organisations. One organisation has "
        f"{profile.large:,} keys, used on every day since {results.months[0]}. Loading took "
        f"{results.load_seconds / 60:.1f} minutes. {profile.rounds} rounds of {profile.seconds:g} s per case, medians. "
        f"The run took {results.seconds / 60:.0f} minutes and at most {results.disk_peak / 1e9:.1f} GB of disk. The load "
        f"average before the start was {results.load_average:.1f}.", ""]
    for title, cases in (("Keys", results.keys), ("Nodes", results.nodes)):
        lines += [f"## {title}", "", *table(title, cases), "", *_commit_stats(cases, results.commit_stats), ""]
    lines += ["## Single requests", "", *_timings("Request", results.requests), ""]
    lines += ["## Reports", "", *_timings("Report", results.reports), "",
              f"`keymeter pepper status`, which reads every key: {results.pepper_status_seconds:.1f} s.", ""]
    lines += ["## Migrations", "", *_migrations(results), ""]
    lines += ["## Sizes", "", *_sizes(results.sizes), ""]
    lines += ["## Query plans", "", *_statements(results.statements), ""]
    lines += [str(exactness) for exactness in results.exactness]
    return "\n".join(lines) + "\n"


def _commit_stats(cases, commit_stats: dict[tuple[str, int], CommitStats]) -> list[str]:
    lines = ["| | Connections | Requests per commit | WAL bytes per request | Connections to PostgreSQL |",
             "| --- | ---: | ---: | ---: | ---: |"]
    for name, connections in cases:
        stats = commit_stats[name, connections]
        lines.append(f"| {name} | {connections} | {stats.batch_size:.1f} | {stats.wal_bytes:,.0f} | {stats.connections} |")
    return lines


def _timings(title: str, timings: list[Timing]) -> list[str]:
    lines = [f"| {title} | Median ms | Worst ms | Times | Response |", "| --- | ---: | ---: | ---: | --- |"]
    for one in timings:
        took = ("timed out", "") if one.median is None else (f"{one.median * 1e3:,.1f}", f"{one.worst * 1e3:,.1f}")
        lines.append(f"| {one.request} | {took[0]} | {took[1]} | {one.times} | {one.response} |")
    return lines


def _migrations(results: Results) -> list[str]:
    sets = results.migrations
    lines = [f"All migrations and functions on an empty database: {results.empty_seconds:.1f} s. With rows, in seconds:", "",
             "| Migration |" + "".join(f" {one.keys:,} keys |" for one in sets), "| --- |" + " ---: |" * len(sets)]
    for number in sets[0].seconds if sets else ():
        lines.append(f"| {number} |" + "".join(f" {one.seconds[number]:.2f} |" for one in sets))
    return lines


def _sizes(sizes: list[Size]) -> list[str]:
    lines = ["| Table | Rows | Table MB | Indexes MB | Bytes per row | of which indexes |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for one in sizes:
        lines.append(f"| {one.name} | {one.rows:,} | {one.table / 1e6:,.0f} | {one.indexes / 1e6:,.0f} "
                     f"| {one.total / max(1, one.rows):,.0f} | {one.indexes / max(1, one.rows):,.0f} |")
    table_bytes, index_bytes = sum(one.table for one in sizes), sum(one.indexes for one in sizes)
    lines.append(f"| all | | {table_bytes / 1e6:,.0f} | {index_bytes / 1e6:,.0f} | | |")
    return lines


def _statements(statements: dict[str, StatementPlans]) -> list[str]:
    lines = [f"{sum(one.runs for one in statements.values()):,} plans of {len(statements)} statements: once the generic plans "
             "of prepared statements, once plans for the actual arguments. Rows: the most that one scan read. Pages: the most "
             "that one index scan visited.", "",
             "| Statement | Access paths to big tables | Rows | Pages |", "| --- | --- | ---: | ---: |"]
    others = []
    for name, one in sorted(statements.items()):
        if one.paths:
            lines.append(f"| {name} | {', '.join(sorted(one.paths))} | {one.most_rows:,.0f} | {one.most_pages:,} |")
        else:
            others.append(name)
    lines += ["", f"These statements read no big table: {', '.join(others)}.", ""]
    lines += [f"- {name}: {'; '.join(sorted(statements[name].problems))}. It {reason}."
              for name, reason in EXCEPTIONS.items() if name in statements and statements[name].problems]
    lines += [f"- {name} was not run: {reason}." for name, reason in NOT_EXERCISED.items()]
    return lines
