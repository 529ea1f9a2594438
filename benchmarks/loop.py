"""Whole searches on a surrogate: candidates per second of the loop with its store, and what each part takes.

A candidate is a design that was not met before: asked for by the strategy, predicted by two ridge surrogates (fitted to
500 designs each), judged, written to the store (SQLite on this disk, every batch safe from a kill) and told. The space
is a chain of 22 blocks with six operators each.

CPU time is what a busy machine tells honestly; the rest of the wall time belongs to its other programs.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gossamer.search.budget import Budget
from gossamer.search.choices import Choice, Choices
from gossamer.search.loop import Loop
from gossamer.search.metrics import Objective
from gossamer.search.objectives import resolve
from gossamer.search.spaces.base import PlainSpace
from gossamer.search.store import Store
from gossamer.search.strategies.ageing_evolution import AgeingEvolution
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.nsga2 import Nsga2
from gossamer.search.strategies.random import RandomSearch
from gossamer.search.surrogates.ridge import Ridge

TARGET = 10_000
CANDIDATES = 30_000
METRICS = (Objective("accuracy", "accuracy", "", higher_is_better=True), Objective("latency_s", "latency", "s"))
SPACE = PlainSpace(Choices(tuple(Choice(f"block{place}", tuple(range(6))) for place in range(22))))


class Predicted:
    """Two surrogates, and the CPU seconds that they took."""

    def __init__(self):
        rng = np.random.default_rng(0)
        genomes, slope = SPACE.choices.sample(500, rng), rng.normal(size=(132, 2))
        values = SPACE.features(genomes) @ slope + rng.normal(size=(500, 2))
        self._models = [Ridge().fit(SPACE, genomes, column, seed=0) for column in values.T]
        self.seconds = 0.0

    def evaluate(self, genomes):
        began = time.process_time()
        found = {item.key: model.predict(genomes)[0] for item, model in zip(METRICS, self._models)}
        self.seconds += time.process_time() - began
        return found


class Clocked:
    """A strategy, and the CPU seconds that it took."""

    def __init__(self, inner):
        self._inner, self.seconds = inner, 0.0

    def ask(self):
        began = time.process_time()
        genomes = self._inner.ask()
        self.seconds += time.process_time() - began
        return genomes

    def tell(self, *told):
        began = time.process_time()
        self._inner.tell(*told)
        self.seconds += time.process_time() - began


def measure(name, method, folder):
    store = Store(folder / f"{name}.sqlite")
    store.settle({"seed": "0"}, SPACE.choices)
    problem = Problem(SPACE, np.zeros((0, len(SPACE.choices)), np.int64), len(METRICS), 1)
    strategy, surrogates = Clocked(method.start(problem, 0)), Predicted()
    goals, budget = resolve("accuracy,latency", METRICS), Budget.parse(CANDIDATES)
    loop = Loop(strategy, surrogates.evaluate, store, goals, (), budget, lambda what, done, of: None)
    wall, cpu = time.perf_counter(), time.process_time()
    loop.run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    store.close()
    assert len(loop.archive) == CANDIDATES
    own = cpu - strategy.seconds - surrogates.seconds
    parts = ", ".join(
        f"{part} {1e6 * seconds / CANDIDATES:.0f}"
        for part, seconds in (("strategy", strategy.seconds), ("surrogates", surrogates.seconds), ("loop, store", own))
    )
    print(f"{name:<18} {CANDIDATES / wall:>8,.0f} /s wall  {CANDIDATES / cpu:>8,.0f} /s of CPU time  [us: {parts}]")
    return CANDIDATES / cpu


def main():
    methods = {
        "random": RandomSearch(population=500),
        "nsga2": Nsga2(population=500),
        "ageing-evolution": AgeingEvolution(population=500, batch=100),
    }
    with tempfile.TemporaryDirectory() as folder:
        speeds = [measure(name, method, Path(folder)) for name, method in methods.items()]
    print(f"target: {TARGET:,} /s")
    return 0 if min(speeds) >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
