"""Designs to begin with: drawn at random, or as a Latin hypercube (McKay et al. 1979).

A Latin hypercube of n designs cuts every gene's range into n equal parts and takes each part once, in an order of its
own per gene: each value of a choice with k values is taken n/k times, give or take one. Any method with a field `start`
begins with either.
"""

from typing import Literal, TypeAlias

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked
from gossamer.search.strategies.base import Problem

Start: TypeAlias = Literal["random", "latin-hypercube"]
STARTS: tuple[Start, ...] = ("random", "latin-hypercube")


def latin_hypercube(problem: Problem, count: int, rng: np.random.Generator) -> Genomes:
    """[count, genes] repaired genomes; conditions and repairs may make some of them equal."""
    parts = rng.permuted(np.tile(np.arange(count)[:, None], (1, problem.genes)), axis=0)
    return problem.repair(((parts + rng.random(parts.shape)) / count * problem.sizes).astype(np.int64))


def first_designs(problem: Problem, asked: Asked, count: int, start: Start, rng: np.random.Generator) -> Genomes:
    """The problem's seeds, then designs drawn as `start` says: `count` distinct ones, which count as asked."""
    seeds = asked.fresh(problem.repair(problem.seeds.copy()), count) if len(problem.seeds) else problem.seeds
    parts = [np.zeros((0, problem.genes), np.int64), seeds]
    missing = count - len(seeds)
    if start == "latin-hypercube" and missing > 0:
        parts.append(asked.fresh(latin_hypercube(problem, missing, rng), missing))
    missing = count - sum(map(len, parts))
    return np.concatenate([*parts, asked.sampled(missing, rng)])
