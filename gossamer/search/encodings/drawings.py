"""Sketches of a space's designs, each read once, and the vocabulary they are written in.

The vocabulary is that of `DRAWN` designs drawn from the space with a fixed seed, so it does not depend on which designs
a search happens to know; a word that none of them had is `OTHER`.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.encodings.sketch import INPUT, OUTPUT, Sketch, read_sketch
from gossamer.search.spaces.base import PlainSpace, Space

DRAWN = 200
KEPT = 100_000
NOTHING, OTHER = 0, 1


class Drawings:
    """Sketches by genome."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._known: dict[bytes, Sketch] = {}
        rng = np.random.default_rng(0)
        sizes = space.choices.sizes
        self.drawn = space.repair(rng.integers(0, sizes, (DRAWN, len(sizes))))
        """Genomes [DRAWN, genes] that stand for the space."""

    def __call__(self, genomes: Genomes) -> list[Sketch]:
        """Of [P, genes] repaired genomes."""
        return [self._one(genome) for genome in genomes]

    def _one(self, genome: Genomes) -> Sketch:
        key = genome.tobytes()
        if key not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = sketch_of(self._space, genome)
        return self._known[key]


def sketch_of(space: Space, genome: Genomes) -> Sketch:
    """Of its network; choices without networks behind them are a chain of what was chosen."""
    if not isinstance(space, PlainSpace):
        return read_sketch(space.sketch(genome))
    kinds = (INPUT, *space.text(genome).split(), OUTPUT)
    return Sketch(kinds, ((), *((place,) for place in range(len(kinds) - 1))), (), 0)


@lru_cache(maxsize=8)
def drawings(space: Space) -> Drawings:
    """The drawings of a space; kept, since every fit of a search asks for those of the same designs."""
    return Drawings(space)


def vocabulary(words: Iterable[str]) -> dict[str, int]:
    """Word -> number, from 2 on: 0 is nothing, 1 any other word."""
    return {word: place + 2 for place, word in enumerate(sorted(set(words)))}
