"""The seam of encodings: designs as arrays that networks read.

    encoder = Graph().start(space)
    encoded = encoder.encode(genomes)            # kinds [P, N], edges [P, N, N]

An encoding is a frozen dataclass (its fields are its options) found through the entry-point group `gossamer.encodings`.
All but `features` read nothing but the IR of `space.sketch`, so a new space has them at once. An encoding fills one
part of `Encoded` and leaves the others without columns; `join` puts parts together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.spaces.base import Space

Ids = NDArray[np.int64]
Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Encoded:
    """P designs. tokens [P, L] and kinds [P, N] are words of vocabularies, 0 where a design has no more of them;
    edges [P, N, N]: how often node j reads node i, at [i, j]; numbers [P, F].
    """

    tokens: Ids
    kinds: Ids
    edges: Numbers
    numbers: Numbers

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Ids) -> "Encoded":
        return Encoded(self.tokens[rows], self.kinds[rows], self.edges[rows], self.numbers[rows])


@dataclass(frozen=True)
class Extent:
    """Sizes that hold for every design of a space: words in the vocabularies (0 among them) and columns."""

    tokens: int = 0
    kinds: int = 0
    numbers: int = 0


class Encoder(Protocol):
    """An encoding of one space."""

    @property
    def extent(self) -> Extent: ...

    def encode(self, genomes: Genomes) -> Encoded:
        """Of [P, genes] repaired genomes."""
        ...


class Encoding(Protocol):
    """The settings of an encoding."""

    def start(self, space: Space) -> Encoder: ...


def encoded(
    designs: int,
    tokens: Ids | None = None,
    kinds: Ids | None = None,
    edges: Numbers | None = None,
    numbers: Numbers | None = None,
) -> Encoded:
    """The parts given; the others have no columns."""
    none = np.zeros((designs, 0), np.int64)
    return Encoded(
        none if tokens is None else tokens,
        none if kinds is None else kinds,
        np.zeros((designs, 0, 0), np.float32) if edges is None else edges,
        np.zeros((designs, 0), np.float32) if numbers is None else numbers,
    )


def join(parts: Sequence[Encoded]) -> Encoded:
    """One encoding of the same designs from several: numbers side by side, the first that has tokens, or a graph."""
    tokens = next((part.tokens for part in parts if part.tokens.shape[1]), parts[0].tokens)
    graph = next((part for part in parts if part.kinds.shape[1]), parts[0])
    return Encoded(tokens, graph.kinds, graph.edges, np.concatenate([part.numbers for part in parts], axis=1))


def joint_extent(extents: Sequence[Extent]) -> Extent:
    """That of `join`."""
    tokens = next((item.tokens for item in extents if item.tokens), 0)
    kinds = next((item.kinds for item in extents if item.kinds), 0)
    return Extent(tokens, kinds, sum(item.numbers for item in extents))
