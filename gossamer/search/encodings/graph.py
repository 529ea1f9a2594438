"""The encoding `graph`: kinds of nodes and who reads whom, for graph networks."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Encoded, Extent, encoded
from gossamer.search.encodings.drawings import NOTHING, OTHER, drawings, vocabulary
from gossamer.search.encodings.sketch import Sketch
from gossamer.search.spaces.base import Space


@dataclass(frozen=True)
class Graph:
    """Nodes in order of execution, so edges lead from lower to higher numbers. `most`: nodes beyond that many are cut
    off (a network of that size is better described by its choices).
    """

    most: int = 256

    def start(self, space: Space) -> "GraphEncoder":
        return GraphEncoder(space, self.most)


class GraphEncoder:
    """Graphs of one space."""

    def __init__(self, space: Space, most: int) -> None:
        self._drawings, self._most = drawings(space), most
        self._words = kinds_of(space)
        self.extent = Extent(kinds=len(self._words) + 2)

    def encode(self, genomes: Genomes) -> Encoded:
        sketches = self._drawings(genomes)
        nodes = min(self._most, max((len(sketch.kinds) for sketch in sketches), default=1))
        kinds = np.full((len(sketches), nodes), NOTHING, np.int64)
        edges = np.zeros((len(sketches), nodes, nodes), np.float32)
        for place, sketch in enumerate(sketches):
            self._write(sketch, kinds[place], edges[place])
        return encoded(len(sketches), kinds=kinds, edges=edges)

    def _write(self, sketch: Sketch, kinds: np.ndarray, edges: np.ndarray) -> None:
        words = [self._words.get(kind, OTHER) for kind in sketch.kinds][: len(kinds)]
        kinds[: len(words)] = words
        for end, starts in enumerate(sketch.sources[: len(kinds)]):
            for start in starts:
                edges[start, end] += 1


@lru_cache(maxsize=8)
def kinds_of(space: Space) -> dict[str, int]:
    """The vocabulary of nodes."""
    found = drawings(space)
    return vocabulary(kind for sketch in found(found.drawn) for kind in sketch.kinds)
