"""What a strategy has asked already, so that it never asks for a design twice and notices when a space is exhausted."""

from math import prod

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.strategies.base import Problem

ENUMERABLE = 1 << 18
"""Spaces with at most so many gene combinations are listed once sampling finds little that is new."""
_TRIES = 12


class Asked:
    """The set of designs asked for so far."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._seen: set[bytes] = set()
        self._rest: Genomes | None = None

    def __len__(self) -> int:
        return len(self._seen)

    def fresh(self, genomes: Genomes, count: int | None = None) -> Genomes:
        """At most `count` of the rows that were not asked before, the first of equals; they are asked from now on."""
        kept: list[int] = []
        for place, key in enumerate(row_keys(genomes)):
            if len(kept) == count:
                break
            if key not in self._seen:
                self._seen.add(key)
                kept.append(place)
        return genomes[kept]

    def unseen(self, genomes: Genomes) -> Genomes:
        """The rows not asked before, each once; nothing is marked."""
        kept: dict[bytes, int] = {}
        for place, key in enumerate(row_keys(genomes)):
            if key not in self._seen:
                kept.setdefault(key, place)
        return genomes[list(kept.values())]

    def sampled(self, count: int, rng: np.random.Generator) -> Genomes:
        """`count` random designs not asked before, which count as asked from now on. Fewer where there are no more, or
        where a space too large to list hides them behind many gene combinations that mean one design.
        """
        parts: list[Genomes] = [np.zeros((0, self._problem.genes), np.int64)]
        for _ in range(_TRIES):
            missing = count - sum(map(len, parts))
            if missing <= 0 or self._rest is not None:
                break
            parts.append(self.fresh(self._problem.sample(2 * missing + 8, rng), missing))
        missing = count - sum(map(len, parts))
        if missing > 0:
            parts.append(self._last(missing, rng))
        return np.concatenate(parts)

    def _last(self, count: int, rng: np.random.Generator) -> Genomes:
        """From the list of what is left, shuffled once."""
        if self._rest is None:
            if prod(self._problem.sizes.tolist()) > ENUMERABLE:
                return np.zeros((0, self._problem.genes), np.int64)
            self._rest = rng.permutation(self.unseen(everything(self._problem)))
        left = self.unseen(self._rest)
        self._rest = left[count:]
        return self.fresh(left[:count])


def row_keys(genomes: Genomes) -> list[bytes]:
    """One hashable key a row."""
    width = genomes.shape[1] * genomes.itemsize
    data = genomes.tobytes()
    return [data[start : start + width] for start in range(0, len(data), width)] if width else [b""] * len(genomes)


def everything(problem: Problem) -> Genomes:
    """Every design of a small space, in order of its genes."""
    return numbered(problem, 0, prod(problem.sizes.tolist()))


def numbered(problem: Problem, start: int, end: int) -> Genomes:
    """The designs among the gene combinations `start` to `end`, counted like digits; every design is one of them."""
    raw = np.stack(np.unravel_index(np.arange(start, end), tuple(problem.sizes.tolist())), axis=1).astype(np.int64)
    return raw[(problem.repair(raw.copy()) == raw).all(axis=1)]
