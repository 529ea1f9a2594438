"""Small problems that every strategy is held to."""

import numpy as np
import pytest

from gossamer.search.choices import Choice, Choices, Condition
from gossamer.search.spaces.base import PlainSpace
from gossamer.search.strategies.base import Problem


def plain(sizes):
    return PlainSpace(Choices(tuple(Choice(f"c{i}", tuple(range(n))) for i, n in enumerate(sizes))))


def conditional():
    """A depth that says how many of three kernels exist, and two hardware genes."""
    kernels = (
        Choice(f"kernel{i}", (3, 5, 7), (Condition("depth", tuple(range(i, 4))),)) for i in (1, 2, 3)
    )
    hardware = (Choice("hardware.rows", (8, 16, 32, 64)), Choice("hardware.cols", (8, 16)))
    return PlainSpace(Choices((Choice("depth", (1, 2, 3)), *kernels, *hardware)))


def problem_of(space, objectives=1, constraints=0, seeds=None, network_genes=-1):
    seeds = np.zeros((0, len(space.choices)), np.int64) if seeds is None else np.array(seeds, np.int64)
    return Problem(space, seeds, objectives, constraints, network_genes=network_genes)


def run(strategy, count, cost, limits=lambda genomes: np.zeros((len(genomes), 0))):
    """Every design asked for until `count` were, or nothing was left."""
    seen = []
    while sum(map(len, seen)) < count and len(asked := strategy.ask()):
        strategy.tell(asked, cost(asked), limits(asked))
        seen.append(asked)
    return np.concatenate(seen)


@pytest.fixture
def additive():
    """24 genes' worth of a separable cost: space, cost [n, 1], the best cost there is."""
    table = np.random.default_rng(7).random((12, 4))
    return plain([4] * 12), lambda g: table[np.arange(12), g].sum(axis=1, keepdims=True), table.min(axis=1).sum()
