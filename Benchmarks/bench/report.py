"""Tables: what was measured, and the ratios that are to be reached."""

from dataclasses import dataclass
from pathlib import Path

from .load import Measured
from .plan import Plan

FOLDER = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass
class Exactness:
    keys: int
    answered: int
    charged: int


@dataclass
class Results:
    about: list[tuple[str, str]]
    busy: float
    plan: Plan
    parts: dict[tuple[str, int], Measured]
    growth: dict[tuple[str, int], Measured]
    memory: dict[str, int]
    exact: list[Exactness]
    seconds: float = 0.0


@dataclass
class Ratio:
    name: str
    value: float
    must: float
    aim: float
    unit: str = ""

    @property
    def verdict(self) -> str:
        smaller_is_better = self.aim < self.must
        if (self.value <= self.aim) if smaller_is_better else (self.value >= self.aim):
            return "aim reached"
        if (self.value <= self.must) if smaller_is_better else (self.value >= self.must):
            return "reached"
        return "**missed**"


def ratios(results: Results) -> list[Ratio]:
    parts, most = results.parts, max(results.plan.connections)
    clients = results.plan.pgbench_clients
    found = [
        Ratio(f"verify, 10,000 keys, {most} connections ÷ pgbench, one charge a transaction",
              parts["verify", most].rate / parts["pgbench", clients].rate, 2.0, 3.0),
        Ratio(f"verify, one key, {most} connections ÷ pgbench on one key",
              parts["verify, one key", most].rate / parts["pgbench, one key", clients].rate, 12, 20),
        Ratio(f"verify ÷ the server's constant answer, {most} connections each",
              parts["verify", most].rate / parts["constant", most].rate, 0.45, 0.65),
        Ratio("verify's p50 at one connection ÷ (pgbench's at one client + the constant's at one connection)",
              parts["verify", 1].p50 / (parts["pgbench", 1].p50 + parts["constant", 1].p50), 1.8, 1.2),
    ]
    small, large = f"{results.plan.growth[0]:,} keys", f"{results.plan.growth[-1]:,} keys"
    found.append(Ratio(f"verify at {large} ÷ at {small}, {most} connections",
                       results.growth[large, most].rate / results.growth[small, most].rate, 0.8, 0.95))
    found.append(Ratio(f"the server's peak memory at {most} connections",
                       results.memory["verify"] / 1_000_000, 200, 80, " MB"))
    return found


def tables(results: Results) -> str:
    plan = results.plan
    lines = ["| Machine | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in results.about]
    lines += ["", f"{plan.rounds} rounds of {plan.seconds:g} s a part, medians; {results.seconds / 60:.0f} minutes in all. "
                  f"The machine's load before the start was {results.busy:.1f}.", "",
              "| Ratio | Measured | Must | Aim | |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [f"| {r.name} | {r.value:.2f}{r.unit} | {r.must:g}{r.unit} | {r.aim:g}{r.unit} | {r.verdict} |"
              for r in ratios(results)]
    lines += ["", *table("Part", results.parts), "", *_peer(results), "", *table("Growth", results.growth), ""]
    lines += [f"Of {e.keys:,} keys, {e.answered:,} requests were answered with success and {e.charged:,} are in the "
              "counters; the rest were under way when a client stopped." for e in results.exact]
    return "\n".join(lines) + "\n"


def _peer(results: Results) -> list[str]:
    same = [c for c in results.plan.connections if ("peer", c) in results.parts]
    head = ["| Connections | verify ÷ constant | verify ÷ peer | verify, one key ÷ verify |",
            "| ---: | ---: | ---: | ---: |"]
    return head + [
        f"| {c} | {results.parts['verify', c].rate / results.parts['constant', c].rate:.2f} "
        f"| {results.parts['verify', c].rate / results.parts['peer', c].rate:.1f} "
        f"| {results.parts['verify, one key', c].rate / results.parts['verify', c].rate:.2f} |" for c in same]


def table(title: str, parts: dict[tuple[str, int], Measured]) -> list[str]:
    lines = [f"| {title} | Connections | Requests/s | p50 ms | p99 ms | Server CPU s/1,000 | PostgreSQL CPU s/1,000 "
             "| Client CPU s/1,000 | Spread |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for (name, connections), m in parts.items():
        lines.append(
            f"| {name} | {connections} | {m.rate:,.0f} | {m.p50 * 1e3:.2f} | {m.p99 * 1e3:.2f} | {m.server * 1e3:.3f} "
            f"| {m.database * 1e3:.3f} | {m.client * 1e3:.3f} | {m.spread:.0%} |")
    return lines


def write(text: str, name: str = "RESULTS.md") -> None:
    """Replaces what the last run measured, and leaves what people have written around it."""
    file = FOLDER / name
    old = file.read_text() if file.exists() else f"# Results\n\n{BEGIN}\n{END}\n"
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    file.write_text(f"{head}{BEGIN}\n{text}{END}{tail}")
