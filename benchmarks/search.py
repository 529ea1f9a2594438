"""The search's inner loop without training: distinct candidates per second, one thread, and CPU time of each.

A candidate here is a whole design - architecture, bits per layer and chip - that was not met before. The figure
includes drawing or breeding it, repairing it, decoding it to layers, pricing every layer with its best mapping, the
surrogate's accuracy, objectives and limits. It leaves out the store (one batch insert per 32) and the training of the
supernet.

CPU time is what a busy machine tells honestly; the rest of the wall time belongs to its other programs.

- cold: random designs, each with a chip of its own, so that nearly every (layer, chip) pair has to be priced first;
- warm: pairs that were met before, as they are when a strategy refines its designs: one gene of the network changed;
- nsga2: a search of 40 generations of 256, strategy included.
"""

import sys
import time

import numpy as np

from gossamer.backends.systolic import backend
from gossamer.search.costs.pricing import CostTable
from gossamer.search.inner import evaluate
from gossamer.search.objectives import matrix, parse_limits, parse_objectives, violations
from gossamer.search.space import CoDesignSpace, Precision
from gossamer.search.spaces.mobilenet import MobileNet
from gossamer.search.strategies.base import Problem
from gossamer.search.strategies.nsga2 import Nsga2

TARGET = 5000
OBJECTIVES = parse_objectives("accuracy,latency,energy,area")
LIMITS = parse_limits(["latency<=2ms", "area<=4mm2"])


class Ridge:
    """The arithmetic of the surrogate estimator, with weights drawn at random: its speed does not depend on them."""

    def __init__(self, space):
        sizes = space.choices.sizes[: space.network_genes]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.slope = np.random.default_rng(0).normal(0, 0.01, int(sizes.sum()))

    def accuracy(self, genomes):
        return np.clip(0.9 + self.slope[genomes[:, : len(self.offsets)] + self.offsets].sum(axis=1), 0, 1)


def judged(table, accuracy, genomes):
    metrics = evaluate(table, accuracy, genomes)
    return matrix(OBJECTIVES, metrics), violations(LIMITS, metrics)


def distinct(genomes):
    return len(np.unique(genomes, axis=0))


class Stopwatch:
    """Seconds since it was made: `wall`, and `cpu` of all threads of this program."""

    def __init__(self):
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def rates(self, candidates):
        """Candidates/s and CPU us per candidate."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return candidates / wall, 1e6 * cpu / candidates


def cold(space, accuracy):
    table, rng, seen = CostTable(space), np.random.default_rng(0), []
    watch = Stopwatch()
    for _ in range(8):
        seen.append(space.sample(256, rng))
        judged(table, accuracy, seen[-1])
    return watch.rates(distinct(np.concatenate(seen)))


def warm(space, accuracy):
    """Children of 64 parents on 8 chips, one network gene changed at a time; the table has met their layers."""
    rng = np.random.default_rng(0)
    parents = space.sample(64, rng)
    parents[:, space.network_genes :] = np.repeat(parents[:8, space.network_genes :], 8, axis=0)
    table = CostTable(space)
    batches = [children(space, space.repair(parents), rng) for _ in range(60)]
    for batch in batches[:40]:
        judged(table, accuracy, batch)
    before, hits = table.pairs, table.hits
    watch = Stopwatch()
    for batch in batches[40:]:
        judged(table, accuracy, space.repair(batch))
    rates = watch.rates(distinct(np.concatenate(batches[40:])))
    return rates, (table.hits - hits) / (table.hits - hits + table.pairs - before)


def children(space, parents, rng):
    found = parents[rng.integers(0, len(parents), 256)].copy()
    places = rng.integers(0, space.network_genes, (256, 3))
    for column in places.T:
        found[np.arange(256), column] = rng.integers(0, space.choices.sizes[column])
    return space.repair(found)


def nsga2(space, accuracy):
    table, seen = CostTable(space), set()
    strategy = Nsga2(256).start(
        Problem(space, space.corners(), len(OBJECTIVES), len(LIMITS) + 1), 0
    )
    watch = Stopwatch()
    for _ in range(40):
        genomes = strategy.ask()
        strategy.tell(genomes, *judged(table, accuracy, genomes))
        seen.update(map(bytes, genomes))
    return watch.rates(len(seen)), table.hits / (table.hits + table.pairs)


def main():
    architecture = MobileNet((1, 8, 8), 10)
    space = CoDesignSpace(architecture, Precision(architecture.slots), backend)
    accuracy = Ridge(space).accuracy
    evaluate_some(space, accuracy)
    show("cold, random designs", cold(space, accuracy))
    rates, share = warm(space, accuracy)
    show(f"warm, {share:.0%} of layers met before", rates)
    rates, share = nsga2(space, accuracy)
    show(f"nsga2 with its strategy, {share:.0%} of layers met before", rates)


def evaluate_some(space, accuracy):
    """So that imports and first calls are not in the figures."""
    judged(CostTable(space), accuracy, space.sample(64, np.random.default_rng(1)))


def show(what, rates):
    speed, cpu_us = rates
    print(f"{what}: {speed:,.0f} distinct candidates/s (target {TARGET:,}), {cpu_us:,.0f} us of CPU each")


if __name__ == "__main__":
    sys.exit(main())
