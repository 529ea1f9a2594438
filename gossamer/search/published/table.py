"""A published table: architectures as text, and numbers measured of each.

    table = nasbench201.read("cifar100", "pixel3")
    rows = rows_of(space, table.texts).find(genomes)       # -1 where the table has no such architecture
    table.columns["accuracy"][rows]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.choices import Genomes
from gossamer.search.metrics import Objective
from gossamer.search.spaces.base import NetworkSpace

Column = NDArray[np.float64]

ACCURACY = Objective("accuracy", "accuracy", "", higher_is_better=True)
LATENCY = Objective("latency_s", "latency", "s")
MACS = Objective("macs", "macs", "")
PARAMS = Objective("params", "params", "")

MOST_DENSE = 2_000_000
"""Spaces up to this size are indexed by one array, larger ones by a dictionary."""


@dataclass(frozen=True, eq=False)
class PublishedTable:
    """`space`: entry-point name of the space that `texts` are written in; `columns`: by `Objective.key`, one value per
    text, nan where nothing was measured.
    """

    name: str
    space: str
    texts: tuple[str, ...]
    metrics: tuple[Objective, ...]
    columns: Mapping[str, Column]

    def __post_init__(self) -> None:
        for item in self.metrics:
            if len(self.columns[item.key]) != len(self.texts):
                raise DataError(
                    f"{self.name}: {len(self.columns[item.key])} values of {item.label} for {len(self.texts)} "
                    "architectures"
                )


class Rows:
    """Which row of a table each genome is, vectorised for small spaces."""

    def __init__(self, space: NetworkSpace, texts: Sequence[str], name: str = "table") -> None:
        """DataError, naming the first, where a text is no architecture of the space."""
        self._genes = len(space.choices)
        genomes = _parsed(space, texts, name)
        dense = space.choices.designs <= MOST_DENSE
        self._steps = _steps(space.choices.sizes) if dense else None
        self._dense = np.full(int(space.choices.designs) if dense else 0, -1, np.int64)
        self._known: dict[bytes, int] = {}
        if self._steps is not None:
            self._dense[genomes @ self._steps] = np.arange(len(texts))
        else:
            self._known = {row.tobytes(): place for place, row in enumerate(genomes)}

    def find(self, genomes: Genomes) -> NDArray[np.int64]:
        """int64 [P]: the row of each design's network, -1 where there is none. Later genes are ignored."""
        own = np.ascontiguousarray(genomes[:, : self._genes])
        if self._steps is not None:
            return self._dense[own @ self._steps]
        return np.array([self._known.get(row.tobytes(), -1) for row in own], np.int64)


@lru_cache(maxsize=8)
def rows_of(space: NetworkSpace, texts: tuple[str, ...], name: str = "table") -> Rows:
    """See Rows; remembered, because reading 15,625 texts takes most of a second."""
    return Rows(space, texts, name)


def _parsed(space: NetworkSpace, texts: Sequence[str], name: str) -> Genomes:
    found = np.empty((len(texts), len(space.choices)), np.int64)
    for place, text in enumerate(texts):
        try:
            found[place] = space.parse(text)
        except SearchError as error:
            raise DataError(f"{name}: entry {place + 1} is no architecture of space '{space.name}': {error}") from None
    return space.repair(found)


def _steps(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Mixed-radix weights: genome @ steps numbers the designs."""
    return np.concatenate([np.cumprod(sizes[::-1])[::-1][1:], [1]]).astype(np.int64)


def numbers(values: Sequence[object], where: str) -> Column:
    """f64 [n]; None and "" are nan. DataError names what is no number."""
    found = np.empty(len(values))
    for place, value in enumerate(values):
        try:
            found[place] = np.nan if value is None or value == "" else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"{where}: entry {place + 1} is {str(value)[:40]!r}, a number is needed") from None
    return found
