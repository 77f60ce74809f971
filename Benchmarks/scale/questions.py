"""What single questions take when there are very many keys: listing, analytics, reports."""

import json
import statistics
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.cluster import Cluster
from bench.processes import BenchError
from bench.servers import Keymeter
from bench.session import say

from .client import Client
from .dataset import LARGE, LargeSet

REPORTS = Path(__file__).resolve().parent.parent.parent / "sql" / "reports"
ANALYST = "bench_analyst"


@dataclass
class Timed:
    question: str
    # In seconds, over so many times; None where it took longer than there was patience for.
    median: float | None
    worst: float | None
    times: int
    remark: str = ""


def _timed(question: str, times: int, ask) -> Timed:
    took, remark = [], ""
    for _ in range(times):
        seconds, remark = ask()
        took.append(seconds)
    timed = Timed(question, statistics.median(took), max(took), times, remark)
    say(f"  {question}: {timed.median * 1e3:,.1f} ms, at most {timed.worst * 1e3:,.1f} {remark}")
    return timed


def over_http(server: Keymeter, keys: LargeSet) -> list[Timed]:
    """Pages of the large organisation, and its analytics."""
    client, root = Client(server.url), keys.key(0)
    base = "/api/v1/apikey/apikeys?limit=200"

    def page(cursor: str | None):
        path = base + (f"&cursor={cursor}" if cursor else "")

        def ask():
            answer = json.loads(client.ask("GET", path, root))
            return client.seconds, f"{len(answer['data'])} keys"
        return ask

    cursors: list[str | None] = [None]
    while cursor := json.loads(client.ask(
            "GET", base + (f"&cursor={cursors[-1]}" if cursors[-1] else ""), root))["pagination"]["nextCursor"]:
        cursors.append(cursor)
    found = [_timed(f"{name} page of {len(cursors)}", 15, page(cursor)) for name, cursor in (
        ("first", cursors[0]), ("middle", cursors[len(cursors) // 2]), ("last", cursors[-1]))]

    def everything():
        text = client.ask("GET", "/api/v1/api-key?list_all=true", root, provider="bench-0")
        return client.seconds, f"{len(json.loads(text)):,} keys, {len(text) / 1e6:.0f} MB"
    found.append(_timed("list_all=true", 2, everything))

    one = json.loads(client.ask("GET", "/api/v1/apikey/apikeys?limit=2", root))["data"][1]["id"]
    first, begin = keys.months[0], keys.months[-1]
    end = begin - timedelta(days=1)

    def analytics(since, extra):
        def ask():
            answer = json.loads(client.ask("POST", "/api/v1/usage-analytics", root,
                                           {"start_date": f"{since}", "end_date": f"{end}"} | extra))
            return client.seconds, f"{len(answer['deltas'])} days, {answer['total']['usage']:,} requests"
        return ask

    for name, since, times in (("a month", keys.months[-2], 5), ("a year", first, 3)):
        found.append(_timed(f"analytics of {name}, one key", 15, analytics(since, {"api_key_id": one})))
        found.append(_timed(f"analytics of {name}, the organisation", times, analytics(since, {})))

    def simple(path):
        def ask():
            client.ask("GET", path, root)
            return client.seconds, ""
        return ask

    found.append(_timed("usage of one key", 15, simple(f"/api/v1/usage?id={one}")))
    found.append(_timed("first page of the audit log", 15, simple("/api/v1/audit?limit=200")))
    found.append(_timed("audit log, a target without entries", 3, simple("/api/v1/audit?limit=200&target=key_none")))
    return found


def check_year(server: Keymeter, keys: LargeSet) -> None:
    """What analytics add up for a year is what the counters say."""
    client, end = Client(server.url), keys.months[-1] - timedelta(days=1)
    answer = json.loads(client.ask("POST", "/api/v1/usage-analytics", keys.key(0),
                                   {"start_date": f"{keys.months[0]}", "end_date": f"{end}"}))
    counted = int(server.cluster.sql(keys.database, f"""
        SELECT sum(used_requests) FROM keymeter.usage_monthly
        WHERE organisation_id = '{LARGE}' AND month < '{keys.months[-1]}'"""))
    if answer["total"]["usage"] != counted:
        raise BenchError(f"analytics say {answer['total']['usage']:,} requests, the counters {counted:,}")


# By which name a report's condition on one organisation goes; of ranks among all there is none.
_NAMES = {"daily_usage": "d", "monthly_usage": "u", "keys_near_limit": "n", "unused_keys": "k", "top_consumers": None}


def reports(cluster: Cluster, keys: LargeSet, patience: int) -> list[Timed]:
    """Each report as an analyst's psql runs it, rows thrown away; over everything, and for a small organisation."""
    cluster.sql("postgres", f"CREATE ROLE {ANALYST} LOGIN IN ROLE keymeter_reporting")
    found = []
    organisation = "org_" + "1".zfill(24)
    for name, alias in _NAMES.items():
        text = (REPORTS / f"{name}.sql").read_text().strip().removesuffix(";")
        found.append(_report(cluster, keys.database, f"{name}", text, patience))
        for column, value in (("organisation_id", organisation), ("provider_id", "bench-1")) if alias else ():
            found.append(_report(cluster, keys.database, f"{name}, one organisation by {column}",
                                 _narrowed(text, f"{alias}.{column} = '{value}'"), patience))
    return found


def _narrowed(text: str, condition: str) -> str:
    head, _, order = text.rpartition("ORDER BY")
    joined = "AND" if "\nWHERE" in head else "WHERE"
    return f"{head}{joined} {condition}\nORDER BY{order}"


def _report(cluster: Cluster, database: str, question: str, text: str, patience: int) -> Timed:
    command = [*cluster.psql(database, ANALYST), "-c", f"SET statement_timeout = '{patience}s'",
               "-c", f"COPY (\n{text}\n) TO STDOUT"]
    start = time.monotonic()
    lines = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1 << 20) as process:
        while block := process.stdout.read(1 << 20):
            lines += block.count(b"\n")
        error = process.stderr.read().decode()
    took = time.monotonic() - start
    if process.returncode and "statement timeout" not in error:
        raise BenchError(f"the report {question} failed:\n{error}")
    late = process.returncode != 0
    say(f"  {question}: {'over ' if late else ''}{took:,.2f} s, {lines:,} rows")
    return Timed(question, None if late else took, None if late else took, 1, "" if late else f"{lines:,} rows")
