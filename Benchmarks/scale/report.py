"""The tables of Benchmarks/SCALE.md."""

from dataclasses import dataclass, field
from datetime import date

from bench.load import Measured
from bench.report import table

from .migrations import Migrated
from .nodes import Toll
from .plan import Plan
from .plans import EXCEPTIONS, UNDRIVEN, Verdict
from .questions import Timed


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
    busy: float
    plan: Plan
    months: list[date]
    # Seconds: an empty database, and the loading of the large one.
    empty: float
    loaded: float
    migrated: list[Migrated] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    verify: dict[tuple[str, int], Measured] = field(default_factory=dict)
    nodes: dict[tuple[str, int], Measured] = field(default_factory=dict)
    tolls: dict[tuple[str, int], Toll] = field(default_factory=dict)
    questions: list[Timed] = field(default_factory=list)
    reports: list[Timed] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    exact: list[str] = field(default_factory=list)
    pepper_status: float = 0.0
    peak: int = 0
    seconds: float = 0.0


def tables(results: Results) -> str:
    plan = results.plan
    lines = ["| Machine | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in results.about), ""]
    lines += [
        f"{plan.keys:,} keys in {1 + (plan.keys - plan.large) // 100:,} organisations, one of which has {plan.large:,}, used on "
        f"every day from {results.months[0]} on. Loaded in {results.loaded / 60:.1f} minutes. {plan.rounds} rounds of "
        f"{plan.seconds:g} s a part, medians. {results.seconds / 60:.0f} minutes in all, and {results.peak / 1e9:.1f} GB of "
        f"disk at most. The machine's load before the start was {results.busy:.1f}.", ""]
    for title, parts in (("Keys", results.verify), ("Nodes", results.nodes)):
        lines += [f"## {title}", "", *table(title, parts), "", *_tolls(parts, results.tolls), ""]
    lines += ["## Single questions", "", *_timed(results.questions), ""]
    lines += ["## Reports", "", *_timed(results.reports), "",
              f"`keymeter pepper status`, which looks at every key: {results.pepper_status:.1f} s.", ""]
    lines += ["## Migrating", "", *_migrated(results), ""]
    lines += ["## Sizes", "", *_sizes(results.sizes), ""]
    lines += ["## Plans", "", *_verdicts(results.verdicts), ""]
    lines += results.exact
    return "\n".join(lines) + "\n"


def _tolls(parts, tolls: dict[tuple[str, int], Toll]) -> list[str]:
    lines = ["| | Connections | Requests a commit | WAL bytes a request | Connections to PostgreSQL |",
             "| --- | ---: | ---: | ---: | ---: |"]
    for name, connections in parts:
        toll = tolls[name, connections]
        lines.append(f"| {name} | {connections} | {toll.batch:.1f} | {toll.wal:,.0f} | {toll.connections} |")
    return lines


def _timed(questions: list[Timed]) -> list[str]:
    lines = ["| Question | Median ms | Worst ms | Times | Answer |", "| --- | ---: | ---: | ---: | --- |"]
    for asked in questions:
        took = ("given up", "") if asked.median is None else (f"{asked.median * 1e3:,.1f}", f"{asked.worst * 1e3:,.1f}")
        lines.append(f"| {asked.question} | {took[0]} | {took[1]} | {asked.times} | {asked.remark} |")
    return lines


def _migrated(results: Results) -> list[str]:
    sets = results.migrated
    lines = [f"An empty database, all migrations and functions: {results.empty:.1f} s. With rows, seconds a migration:", "",
             "| Migration |" + "".join(f" {one.keys:,} keys |" for one in sets), "| --- |" + " ---: |" * len(sets)]
    for number in sets[0].seconds if sets else ():
        lines.append(f"| {number} |" + "".join(f" {one.seconds[number]:.2f} |" for one in sets))
    return lines


def _sizes(sizes: list[Size]) -> list[str]:
    lines = ["| Table | Rows | Table MB | Indexes MB | Bytes a row | of which indexes |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for one in sizes:
        lines.append(f"| {one.name} | {one.rows:,} | {one.table / 1e6:,.0f} | {one.indexes / 1e6:,.0f} "
                     f"| {one.total / max(1, one.rows):,.0f} | {one.indexes / max(1, one.rows):,.0f} |")
    lines.append(f"| all | | {sum(one.table for one in sizes) / 1e6:,.0f} | {sum(one.indexes for one in sizes) / 1e6:,.0f} | | |")
    return lines


def _verdicts(verdicts: dict[str, Verdict]) -> list[str]:
    lines = [f"{sum(verdict.runs for verdict in verdicts.values()):,} plans of {len(verdicts)} statements, once as a prepared "
             "statement gets them for any arguments and once for the arguments at hand. Rows: the most that one scan read; "
             "pages: the most that one by an index looked at.", "",
             "| Statement | Big tables, by | Rows | Pages |", "| --- | --- | ---: | ---: |"]
    quiet = []
    for name, verdict in sorted(verdicts.items()):
        if verdict.paths:
            lines.append(f"| {name} | {', '.join(sorted(verdict.paths))} | {verdict.most_rows:,.0f} "
                         f"| {verdict.most_pages:,} |")
        else:
            quiet.append(name)
    lines += ["", f"No big table is read by {', '.join(quiet)}.", ""]
    noted = {name: reason for name, reason in EXCEPTIONS.items() if verdicts.get(name) and verdicts[name].faults}
    lines += [f"- {name}: {'; '.join(sorted(verdicts[name].faults))}. It {reason}." for name, reason in noted.items()]
    lines += [f"- {name} was not run: it is {reason}." for name, reason in UNDRIVEN.items()]
    return lines
