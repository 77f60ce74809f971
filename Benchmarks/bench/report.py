"""Writes the tables of Benchmarks/RESULTS.md: the measurements, and their ratios compared with the targets."""

from dataclasses import dataclass
from pathlib import Path

from .measurement import Summary
from .profile import Profile

FOLDER = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass
class Exactness:
    keys: int
    admitted: int
    charged: int

    def __str__(self) -> str:
        return (f"With {self.keys:,} keys, {self.admitted:,} requests succeeded and {self.charged:,} are charged. The others "
                "were in flight when a client stopped.")


@dataclass
class Results:
    about: list[tuple[str, str]]
    load_average: float
    profile: Profile
    cases: dict[tuple[str, int], Summary]
    growth: dict[tuple[str, int], Summary]
    # Of the server, in bytes.
    peak_memory: int
    exactness: list[Exactness]
    seconds: float = 0.0


@dataclass
class Ratio:
    name: str
    value: float
    required: float
    target: float
    unit: str = ""

    @property
    def rating(self) -> str:
        smaller_is_better = self.target < self.required
        if (self.value <= self.target) if smaller_is_better else (self.value >= self.target):
            return "target met"
        if (self.value <= self.required) if smaller_is_better else (self.value >= self.required):
            return "met"
        return "**missed**"


def ratios(results: Results) -> list[Ratio]:
    cases, most = results.cases, max(results.profile.connections)
    clients = results.profile.pgbench_clients
    small, large = f"{results.profile.growth[0]:,} keys", f"{results.profile.growth[-1]:,} keys"
    return [
        Ratio(f"verify, 10,000 keys, {most} connections ÷ pgbench, one charge per transaction",
              cases["verify", most].rate / cases["pgbench", clients].rate, 2.0, 3.0),
        Ratio(f"verify, one key, {most} connections ÷ pgbench on one key",
              cases["verify, one key", most].rate / cases["pgbench, one key", clients].rate, 12, 20),
        Ratio(f"verify ÷ the server's constant response, {most} connections each",
              cases["verify", most].rate / cases["constant", most].rate, 0.45, 0.65),
        Ratio("verify's p50 at one connection ÷ (pgbench's at one client + the constant's at one connection)",
              cases["verify", 1].p50 / (cases["pgbench", 1].p50 + cases["constant", 1].p50), 1.8, 1.2),
        Ratio(f"verify at {large} ÷ at {small}, {most} connections",
              results.growth[large, most].rate / results.growth[small, most].rate, 0.8, 0.95),
        Ratio(f"the server's peak memory at {most} connections", results.peak_memory / 1_000_000, 200, 80, " MB"),
    ]


def tables(results: Results) -> str:
    profile = results.profile
    lines = ["| Machine | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in results.about]
    lines += ["", f"{profile.rounds} rounds of {profile.seconds:g} s per case, medians. The run took "
                  f"{results.seconds / 60:.0f} minutes. The load average before the start was {results.load_average:.1f}.",
              "", "| Ratio | Measured | Required | Target | |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [f"| {r.name} | {r.value:.2f}{r.unit} | {r.required:g}{r.unit} | {r.target:g}{r.unit} | {r.rating} |"
              for r in ratios(results)]
    lines += ["", *table("Case", results.cases), "", *_peer(results), "", *table("Growth", results.growth), ""]
    lines += [str(exactness) for exactness in results.exactness]
    return "\n".join(lines) + "\n"


def _peer(results: Results) -> list[str]:
    rates = {name: case.rate for name, case in results.cases.items()}
    head = ["| Connections | verify ÷ constant | verify ÷ peer | verify, one key ÷ verify |",
            "| ---: | ---: | ---: | ---: |"]
    return head + [
        f"| {c} | {rates['verify', c] / rates['constant', c]:.2f} | {rates['verify', c] / rates['peer', c]:.1f} "
        f"| {rates['verify, one key', c] / rates['verify', c]:.2f} |" for c in results.profile.connections]


def table(title: str, cases: dict[tuple[str, int], Summary]) -> list[str]:
    lines = [f"| {title} | Connections | Requests/s | p50 ms | p99 ms | Server CPU s/1,000 | PostgreSQL CPU s/1,000 "
             "| Client CPU s/1,000 | Spread |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for (name, connections), s in cases.items():
        lines.append(
            f"| {name} | {connections} | {s.rate:,.0f} | {s.p50 * 1e3:.2f} | {s.p99 * 1e3:.2f} | {s.server_cpu * 1e3:.3f} "
            f"| {s.database_cpu * 1e3:.3f} | {s.client_cpu * 1e3:.3f} | {s.spread:.0%} |")
    return lines


def write(text: str, name: str = "RESULTS.md") -> None:
    """Replaces the measured part of the file, and keeps the text around it."""
    file = FOLDER / name
    old = file.read_text() if file.exists() else f"# Results\n\n{BEGIN}\n{END}\n"
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    file.write_text(f"{head}{BEGIN}\n{text}{END}{tail}")
