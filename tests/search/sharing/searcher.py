"""A small search as a program, for the tests that kill it: `searcher.py STORE LOG BUDGET SECONDS [pool]`.

Every evaluation is logged before and after, so that a test can count what was repeated.
"""

import os
import sys
import time
from dataclasses import dataclass

import numpy as np

from gossamer.search.budget import Budget
from gossamer.search.choices import Choice, Choices
from gossamer.search.executors.processes import Processes
from gossamer.search.loop import Loop
from gossamer.search.metrics import Objective
from gossamer.search.objectives import resolve
from gossamer.search.spaces.base import PlainSpace
from gossamer.search.store import Store
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.nsga2 import Nsga2

METRICS = (Objective("latency_s", "latency", "s"), Objective("energy_j", "energy", "J"))
SPACE = PlainSpace(Choices(tuple(Choice(f"gene{place}", tuple(range(6))) for place in range(8))))


@dataclass(frozen=True)
class Slow:
    """Takes its time, and writes what it does down."""

    log: str
    seconds: float

    metrics = METRICS

    def start(self):
        return self

    def evaluate(self, genomes):
        for genome in genomes:
            self._write("begin", genome)
            time.sleep(self.seconds)
            self._write("end", genome)
        first = (genomes + 1.0) @ np.arange(1, 9)
        return {"latency_s": first, "energy_j": 400 - first + (genomes % 3).sum(axis=1)}

    def _write(self, what, genome):
        line = f"{what} {os.getpid()} {' '.join(map(str, genome.tolist()))}\n"
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)


def search(where, log, budget, seconds, pooled, lease_s=30.0):
    evaluator = Slow(log, seconds)
    store = Store(where, lease_s=lease_s)
    store.settle({"seed": "0"}, SPACE.choices)
    problem = Problem(SPACE, np.zeros((0, 8), np.int64), 2, 1)
    pool = Processes(workers=2).start(evaluator) if pooled else None
    loop = Loop(
        Nsga2(population=20).start(problem, 0),
        (lambda genomes: {}) if pooled else evaluator.evaluate,
        store,
        resolve("latency,energy", METRICS),
        (),
        Budget.parse(budget),
        lambda what, done, of: None,
        pool=pool,
    )
    try:
        loop.run()
    finally:
        store.close()
        if pool:
            pool.close()
    return loop


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(__file__))
    import searcher  # under its own name, so that workers find its classes

    searcher.search(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:] == ["pool"])
