"""The filter `aanas`: keep the values whose convolutions fill a systolic array.

AANAS (Chitty-Venkata and Somani 2021; survey, section 7.1) makes the number of expansion channels a multiple of the
array's side. A layer with ic inputs and oc outputs on an array of rows x cols fills ic / (ceil(ic/rows) rows) * oc /
(ceil(oc/cols) cols) of it. Per choice, the values stay whose layers fill at most `tolerance` less than the best
value's, weighted by MACs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import Backend
from gossamer.ir.errors import SearchError
from gossamer.search.choices import Choice, Genomes
from gossamer.search.costs.columns import KINDS, PLACE, Rows, macs
from gossamer.search.spaces.base import NetworkSpace
from gossamer.search.spaces.filter import matching, touched
from gossamer.search.spaces.narrowed import narrowed


@dataclass(frozen=True)
class Aanas:
    """rows, cols: of the array; 0: of the target's default hardware. choices: patterns of names. samples: designs a
    value is tried in.
    """

    rows: int = 0
    cols: int = 0
    tolerance: float = 0.02
    choices: tuple[str, ...] = ("*",)
    samples: int = 8

    def __post_init__(self) -> None:
        if min(self.rows, self.cols) < 0 or self.samples < 1 or not 0 <= self.tolerance <= 1:
            raise SearchError(
                f"filter 'aanas': needs rows, cols >= 0, samples >= 1 and a tolerance of 0 to 1; found rows = "
                f"{self.rows}, cols = {self.cols}, samples = {self.samples}, tolerance = {self.tolerance}"
            )

    def apply(self, space: NetworkSpace, backend: Backend | None, seed: int) -> NetworkSpace:
        """SearchError: no array's size, or no such choice."""
        array, designs = self._array(backend), space.sample(self.samples, np.random.default_rng(seed))
        kept = [(item.name, self._full(space, item, designs, array)) for item in matching(space.choices, self.choices)]
        return narrowed(space, tuple(kept))

    def _array(self, backend: Backend | None) -> tuple[int, int]:
        hardware = backend.hardware() if backend is not None else None
        rows, cols = self.rows or getattr(hardware, "rows", 0), self.cols or getattr(hardware, "cols", 0)
        if not rows or not cols:
            raise SearchError(
                "filter 'aanas': the target's hardware has no rows and cols; name the array's, such as "
                "rows: 16, cols: 16"
            )
        return rows, cols

    def _full(self, space: NetworkSpace, choice: Choice, designs: Genomes, array: tuple[int, int]) -> tuple:
        found = touched(space, choice, designs, 8)
        work = macs(found.rows) * dense(found.rows)
        total = found.totals(work.astype(np.float64))
        filled = found.totals(work * fill(found.rows, array))
        share = np.divide(filled, total, out=np.ones(len(total)), where=total > 0)
        best = share[total > 0].max(initial=0.0)
        return tuple(value for value, own in zip(choice.values, share) if own >= best - self.tolerance)


def dense(rows: Rows) -> NDArray[np.bool_]:
    """Which layers are products of matrices: convolutions that are not depthwise, and gemms."""
    weighted = (rows[:, 0] == KINDS.index("conv")) | (rows[:, 0] == KINDS.index("gemm"))
    return weighted & (rows[:, PLACE["groups"]] == 1)


def fill(rows: Rows, array: tuple[int, int]) -> NDArray[np.float64]:
    """Part of the array that each layer's channels use: [n]."""
    parts = [
        rows[:, PLACE[name]] / (-(-rows[:, PLACE[name]] // side) * side) for name, side in zip(("ic", "oc"), array)
    ]
    return parts[0] * parts[1]
