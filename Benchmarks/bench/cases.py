"""The cases that are measured, and the order in which they take turns."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .measurement import Sample, Summary


@dataclass
class Case:
    """One row of the results: a name, a number of connections, and a function that measures for some seconds."""

    name: str
    connections: int
    measure: Callable[[float], Sample]
    samples: list[Sample] = field(default_factory=list)


class Cases:
    """The cases of one table. They take turns in short rounds, so that a drift of the machine affects all equally."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def add(self, name: str, connections: int, measure: Callable[[float], Sample]) -> None:
        self.cases.append(Case(name, connections, measure))

    def run(self, rounds: int, seconds: float) -> None:
        for number in range(rounds):
            # Every second round runs backwards, so that a case does not always follow the same one.
            for case in self.cases if number % 2 == 0 else reversed(self.cases):
                sample = case.measure(seconds)
                case.samples.append(sample)
                print(f"  round {number + 1}/{rounds}  {case.name}, {case.connections}: {sample.rate:,.0f}/s",
                      file=sys.stderr, flush=True)
                # Leave the kernel and PostgreSQL time to finish the work of this case.
                time.sleep(0.2)

    def results(self) -> dict[tuple[str, int], Summary]:
        return {(case.name, case.connections): Summary.of(case.samples) for case in self.cases}
