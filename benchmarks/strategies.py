"""Every strategy on published data: NAS-Bench-201, CIFAR-100 accuracy after 200 epochs, latency of one device.

    python benchmarks/strategies.py [device] [seeds]

- two objectives: the front's hypervolume after 100, 200 and 500 evaluations, as a share of the exact front's; reference
  point: 60 % accuracy and the exact front's largest latency;
- one objective: how far the best accuracy found after 300 evaluations is from the best there is, in points, among
  networks within the device's median latency (a limit, so a quarter of what is asked at random is of use at best).

Methods that train a model at each step are slow here: they are for evaluations that cost more than a look-up. The best
of them, bayes, has figures of its own (benchmarks.search).
"""

import sys
import time
from pathlib import Path

import numpy as np
from moocore import hypervolume

from gossamer.ir.errors import DataError
from gossamer.ir.registry import EVALUATORS, SPACES, STRATEGIES, SURROGATES
from gossamer.search.evaluators import Context
from gossamer.search.front import non_dominated
from gossamer.search.product import Product
from gossamer.search.strategies.asked import everything, row_keys
from gossamer.search.strategies.base import Problem

TWO = {
    "random": {"population": 20}, "latin-hypercube": {"population": 20},
    "ageing-evolution": {"population": 30, "tournament": 8}, "evolution": {"population": 20, "children": 20},
    "nsga2": {"population": 20}, "nsga3": {"population": 20}, "greedy": {"changes": "any"}, "integer-program": {},
    "predicted": {"first": 40},
}  # fmt: skip
ONE = {
    "random": {"population": 20}, "ageing-evolution": {"population": 30, "tournament": 8},
    "evolution": {"population": 20, "children": 20}, "reinforce": {}, "ppo": {"controller": "independent"},
    "coordinate-descent": {}, "shgo": {}, "greedy": {"changes": "any"}, "integer-program": {},
    "ddpg": {"updates": 2}, "predicted": {"first": 40},
}  # fmt: skip
STEPS = (100, 200, 500)


class Table:
    """All networks and what is published of them."""

    def __init__(self, device):
        self.space = Product().build(SPACES.load("nasbench201")(), None)
        settings = EVALUATORS.load("table")(benchmark="nasbench201", dataset="cifar100", device=device)
        table = settings.start(Context(self.space, 0, "", Path("."), lambda *said: None))
        self.genomes = everything(self.problem(1, 0))
        found = table.evaluate(self.genomes)
        self.values = np.stack([-found["accuracy"], found["latency_s"]], axis=1)
        self.places = {key: place for place, key in enumerate(row_keys(self.genomes))}

    def problem(self, objectives, constraints):
        seeds = np.zeros((0, len(self.space.choices)), np.int64)
        return Problem(self.space, seeds, objectives, constraints)

    def of(self, genomes):
        return self.values[[self.places[key] for key in row_keys(genomes)]]


def searched(name, options, problem, seed, count, answer):
    """Values and violations of what was asked, in order."""
    if name == "predicted":
        options = {**options, "surrogates": (SURROGATES.load("ridge")(),)}
    strategy, told = STRATEGIES.load(name)(**options).start(problem, seed), []
    while sum(len(values) for values, _ in told) < count and len(asked := strategy.ask()):
        told.append(answer(asked))
        strategy.tell(asked, *told[-1])
    return (np.concatenate(part)[:count] for part in zip(*told))


def two_objectives(table, seeds):
    front = table.values[non_dominated(table.values)]
    low, reference = front.min(axis=0), np.array([-0.6, front[:, 1].max()])

    def volume(points):
        return hypervolume((np.minimum(points, reference) - low) / (reference - low), ref=[1, 1])

    for name, options in TWO.items():
        start, shares = time.process_time(), []
        for seed in range(seeds):
            values, _ = searched(name, options, table.problem(2, 0), seed, STEPS[-1], both(table))
            shares.append([volume(values[:step]) / volume(front) for step in STEPS])
        said = "/".join(f"{share:.3f}" for share in np.mean(shares, axis=0))
        print(f"| {name} | {said} | {(time.process_time() - start) / seeds:.1f} s |", flush=True)


def both(table):
    return lambda genomes: (table.of(genomes), np.zeros((len(genomes), 0)))


def one_objective(table, seeds):
    bound = float(np.median(table.values[:, 1]))
    best = table.values[table.values[:, 1] <= bound, 0].min()

    def answer(genomes):
        values = table.of(genomes)
        return values[:, :1], values[:, 1:] / bound - 1

    for name, options in ONE.items():
        start, left = time.process_time(), []
        for seed in range(seeds):
            values, missed = searched(name, options, table.problem(1, 1), seed, 300, answer)
            left.append(100 * (values[missed <= 0].min() - best))
        said = f"{np.mean(left):.2f} +- {np.std(left):.2f}"
        print(f"| {name} | {said} | {(time.process_time() - start) / seeds:.1f} s |", flush=True)


def main(device="pixel3", seeds="10"):
    try:
        table = Table(device)
    except DataError as error:
        print(f"left out: {error}")
        return
    print(f"{device}, {seeds} seeds\ntwo objectives | hypervolume at {STEPS} | CPU time a search")
    two_objectives(table, int(seeds))
    print("one objective | points from the best | CPU time a search")
    one_objective(table, int(seeds))


if __name__ == "__main__":
    main(*sys.argv[1:])
