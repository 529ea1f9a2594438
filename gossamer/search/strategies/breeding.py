"""Children of designs: crossover and mutation over mixed choices, all children of a generation at once.

A mutated gene takes, half the time, a value next to its own, since most choices are ordered, otherwise any other.
"""

from collections.abc import Callable

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.strategies.asked import Asked

_ROUNDS = 8


def mutated(genomes: Genomes, sizes: Genomes, genes: float, rng: np.random.Generator) -> Genomes:
    """Each gene changes with probability `genes` / number of genes that have a choice. Not repaired."""
    open_genes = max(1, int((sizes > 1).sum()))
    changed = rng.random(genomes.shape) < genes / open_genes
    return np.where(changed, other_values(genomes, sizes, rng), genomes)


def mutated_exactly(genomes: Genomes, sizes: Genomes, genes: int, rng: np.random.Generator) -> Genomes:
    """Exactly `genes` genes of each change, among those that have a choice. Not repaired."""
    keys = np.where(sizes > 1, rng.random(genomes.shape), 2.0)
    order = np.argsort(keys, axis=1)[:, :genes]
    changed = np.zeros(genomes.shape, np.bool_)
    np.put_along_axis(changed, order, True, axis=1)
    return np.where(changed, other_values(genomes, sizes, rng), genomes)


def other_values(genomes: Genomes, sizes: Genomes, rng: np.random.Generator) -> Genomes:
    """For every gene a value that is not its own (its own where it has no other)."""
    any_other = (genomes + 1 + rng.integers(0, np.maximum(sizes - 1, 1), genomes.shape)) % sizes
    near = genomes + rng.choice((-1, 1), genomes.shape)
    return np.where((rng.random(genomes.shape) < 0.5) & (near >= 0) & (near < sizes), near, any_other)


def crossed(left: Genomes, right: Genomes, chance: float, rng: np.random.Generator) -> Genomes:
    """Uniform crossover of so many pairs; the others copy `left`. Not repaired."""
    take = (rng.random(left.shape) < 0.5) & (rng.random((len(left), 1)) < chance)
    return np.where(take, right, left)


def tournaments(standing: Genomes, count: int, size: int, rng: np.random.Generator) -> Genomes:
    """Positions of the winners of `count` tournaments of `size` drawn at random; the smallest standing wins."""
    drawn = rng.integers(0, len(standing), (count, size))
    return np.take_along_axis(drawn, standing[drawn].argmin(axis=1)[:, None], axis=1)[:, 0]


def fresh_children(
    make: Callable[[int], Genomes], asked: Asked, count: int, rng: np.random.Generator
) -> Genomes:
    """`count` children that were not asked before. `make(n)` gives n repaired ones; random designs fill up where it
    keeps repeating itself.
    """
    parts: list[Genomes] = []
    missing = count
    for _ in range(_ROUNDS):
        parts.append(asked.fresh(make(missing + 4), missing))
        missing -= len(parts[-1])
        if not missing:
            break
    return np.concatenate([*parts, asked.sampled(missing, rng)])
