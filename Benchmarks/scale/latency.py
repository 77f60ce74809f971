"""Measures single requests with very many keys: listing, analytics, the audit log and reports."""

import json
import statistics
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.cluster import Cluster
from bench.keymeter import Keymeter
from bench.session import say
from servers.failure import Failure

from .client import Client
from .dataset import LARGE, LargeSet

REPORTS = Path(__file__).resolve().parent.parent.parent / "sql" / "reports"
ANALYST = "bench_analyst"


@dataclass
class Timing:
    request: str
    # In seconds; None after a timeout.
    median: float | None
    worst: float | None
    times: int
    response: str = ""


def _time(request: str, times: int, send) -> Timing:
    """Calls `send`, which returns the seconds and a description of the response, this many times."""
    seconds, response = [], ""
    for _ in range(times):
        took, response = send()
        seconds.append(took)
    timing = Timing(request, statistics.median(seconds), max(seconds), times, response)
    say(f"  {request}: median {timing.median * 1e3:,.1f} ms, worst {timing.worst * 1e3:,.1f} ms {response}")
    return timing


def measure_requests(server: Keymeter, keys: LargeSet) -> list[Timing]:
    """Requests of the large organisation's root key."""
    client, root = Client(server.url), keys.key(0)
    base = "/api/v1/apikey/apikeys?limit=200"

    def page(cursor: str | None):
        path = base + (f"&cursor={cursor}" if cursor else "")

        def send():
            content = client.json("GET", path, root)
            return client.seconds, f"{len(content['data'])} keys"
        return send

    cursors: list[str | None] = [None]
    while cursor := client.json(
            "GET", base + (f"&cursor={cursors[-1]}" if cursors[-1] else ""), root)["pagination"]["nextCursor"]:
        cursors.append(cursor)
    found = [_time(f"{name} page of {len(cursors)}", 15, page(cursor)) for name, cursor in (
        ("first", cursors[0]), ("middle", cursors[len(cursors) // 2]), ("last", cursors[-1]))]

    def list_all():
        text = client.request("GET", "/api/v1/api-key?list_all=true", root, provider="bench-0")
        return client.seconds, f"{len(json.loads(text)):,} keys, {len(text) / 1e6:.0f} MB"
    found.append(_time("list_all=true", 2, list_all))

    one = client.json("GET", "/api/v1/apikey/apikeys?limit=2", root)["data"][1]["id"]
    end = keys.months[-1] - timedelta(days=1)

    def analytics(since, key):
        def send():
            content = client.json("POST", "/api/v1/usage-analytics", root,
                                  {"start_date": f"{since}", "end_date": f"{end}"} | key)
            return client.seconds, f"{len(content['deltas'])} days, {content['total']['usage']:,} requests"
        return send

    for name, since, times in (("a month", keys.months[-2], 5), ("a year", keys.months[0], 3)):
        found.append(_time(f"analytics of {name}, one key", 15, analytics(since, {"api_key_id": one})))
        found.append(_time(f"analytics of {name}, the organisation", times, analytics(since, {})))

    def get(path):
        def send():
            client.request("GET", path, root)
            return client.seconds, ""
        return send

    found.append(_time("usage of one key", 15, get(f"/api/v1/usage?id={one}")))
    found.append(_time("first page of the audit log", 15, get("/api/v1/audit?limit=200")))
    found.append(_time("audit log, a target without entries", 3, get("/api/v1/audit?limit=200&target=key_none")))
    return found


def check_year(server: Keymeter, keys: LargeSet) -> None:
    """The analytics of a year must agree with the counters."""
    client, end = Client(server.url), keys.months[-1] - timedelta(days=1)
    content = client.json("POST", "/api/v1/usage-analytics", keys.key(0),
                          {"start_date": f"{keys.months[0]}", "end_date": f"{end}"})
    counted = int(server.cluster.sql(keys.database, f"""
        SELECT sum(used_requests) FROM keymeter.usage_monthly
        WHERE organisation_id = '{LARGE}' AND month < '{keys.months[-1]}'"""))
    if content["total"]["usage"] != counted:
        raise Failure(f"analytics return {content['total']['usage']:,} requests, but the counters have {counted:,}")


# The table alias in each report that a condition on one organisation uses. A ranking of all organisations has none.
_ALIASES = {"daily_usage": "d", "monthly_usage": "u", "keys_near_limit": "n", "unused_keys": "k", "top_consumers": None}


def measure_reports(cluster: Cluster, keys: LargeSet, timeout: int) -> list[Timing]:
    """Runs each report in psql as an analyst, with the rows discarded: for all organisations, and for a small one."""
    cluster.sql("postgres", f"CREATE ROLE {ANALYST} LOGIN IN ROLE keymeter_reporting")
    found = []
    organisation = "org_" + "1".zfill(24)
    for name, alias in _ALIASES.items():
        text = (REPORTS / f"{name}.sql").read_text().strip().removesuffix(";")
        found.append(_report(cluster, keys.database, name, text, timeout))
        for column, value in (("organisation_id", organisation), ("provider_id", "bench-1")) if alias else ():
            found.append(_report(cluster, keys.database, f"{name}, one organisation by {column}",
                                 _with_condition(text, f"{alias}.{column} = '{value}'"), timeout))
    return found


def _with_condition(text: str, condition: str) -> str:
    head, _, order = text.rpartition("ORDER BY")
    keyword = "AND" if "\nWHERE" in head else "WHERE"
    return f"{head}{keyword} {condition}\nORDER BY{order}"


def _report(cluster: Cluster, database: str, name: str, text: str, timeout: int) -> Timing:
    command = [*cluster.psql(database, ANALYST), "-c", f"SET statement_timeout = '{timeout}s'",
               "-c", f"COPY (\n{text}\n) TO STDOUT"]
    start = time.monotonic()
    rows = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1 << 20) as process:
        while block := process.stdout.read(1 << 20):
            rows += block.count(b"\n")
        error = process.stderr.read().decode()
    seconds = time.monotonic() - start
    if process.returncode and "statement timeout" not in error:
        raise Failure(f"the report {name} failed:\n{error}")
    timed_out = process.returncode != 0
    say(f"  {name}: {'timed out after ' if timed_out else ''}{seconds:,.2f} s, {rows:,} rows")
    return Timing(name, None, None, 1) if timed_out else Timing(name, seconds, seconds, 1, f"{rows:,} rows")
