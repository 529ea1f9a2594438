"""The encoding `paths`: how often each way of data through a network occurs.

White et al., "BANANAS" (AAAI 2021), 3.1: one number per path of operations from the input to the output. Here every
stretch of up to `longest` nodes counts, whole paths of a small cell among them: networks of fifty layers have more
paths than memory, but few stretches. What a space's drawn designs never show is left out.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.encodings.base import Encoded, Extent, encoded
from gossamer.search.encodings.drawings import drawings
from gossamer.search.encodings.sketch import Sketch
from gossamer.search.spaces.base import Space

Way = tuple[str, ...]
WAYS_PER_NODE = 10_000


@dataclass(frozen=True)
class Paths:
    """`longest`: nodes of a stretch."""

    longest: int = 5

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise SearchError(f"encoding 'paths': longest is {self.longest}; a stretch has at least 1 node")

    def start(self, space: Space) -> "PathEncoder":
        return PathEncoder(space, self.longest)


class PathEncoder:
    """Paths of one space."""

    def __init__(self, space: Space, longest: int) -> None:
        self._drawings, self._longest = drawings(space), longest
        self._ways = ways_of(space, longest)
        self.extent = Extent(numbers=len(self._ways))

    def encode(self, genomes: Genomes) -> Encoded:
        numbers = np.zeros((len(genomes), len(self._ways)), np.float32)
        for row, sketch in zip(numbers, self._drawings(genomes)):
            for way, count in ways(sketch, self._longest).items():
                if way in self._ways:
                    row[self._ways[way]] = count
        return encoded(len(genomes), numbers=numbers)


def ways(sketch: Sketch, longest: int) -> Counter[Way]:
    """Stretches of 1 to `longest` nodes -> how often they occur. SearchError where a node ends more than
    WAYS_PER_NODE different ones.
    """
    total: Counter[Way] = Counter()
    ending: list[Counter[Way]] = []
    for kind, sources in zip(sketch.kinds, sketch.sources):
        here: Counter[Way] = Counter({(kind,): 1})
        for source in sources:
            for way, count in ending[source].items():
                if len(way) < longest:
                    here[(*way, kind)] += count
        if len(here) > WAYS_PER_NODE:
            raise SearchError(
                f"encoding 'paths': more than {WAYS_PER_NODE} stretches of {longest} nodes end at one node; "
                f"give a smaller longest than {longest}"
            )
        ending.append(here)
        total.update(here)
    return total


@lru_cache(maxsize=8)
def ways_of(space: Space, longest: int) -> dict[Way, int]:
    """Way -> column."""
    found = drawings(space)
    known = {way for sketch in found(found.drawn) for way in ways(sketch, longest)}
    return {way: place for place, way in enumerate(sorted(known))}
