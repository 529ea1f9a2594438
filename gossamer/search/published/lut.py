"""The evaluator `lut`: latency of a chain of mobile blocks as the sum of its blocks' published latencies.

    space: proxylessnas
    evaluators: [{lut: {device: pixel1}}]

For spaces made of inverted residuals whose layers are called expand, depthwise and project (proxylessnas,
ofa-mobilenetv3): the layers of a design say which blocks it has. Where the table lacks one there is no value (nan).
Additions and squeeze-and-excitation are part of their block's latency, as measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import PLACE, Population
from gossamer.search.evaluators import Context
from gossamer.search.inner import Columns
from gossamer.search.metrics import OBJECTIVES, Objective
from gossamer.search.published.block_table import FILES, BlockTable, read
from gossamer.search.space import CoDesignSpace

Column = NDArray[np.float64]
DEPTHWISE = ".depthwise"


@dataclass(frozen=True)
class Lut:
    """`device`: pixel1 (ProxylessNAS) or note10 (Once-for-All at width 1.2)."""

    device: str = "pixel1"

    def __post_init__(self) -> None:
        if self.device not in FILES:
            read(self.device)

    def start(self, context: Context) -> "LutEvaluator":
        """SearchError: a space without such blocks; DataError: no table."""
        return LutEvaluator(read(self.device), context.space)


class LutEvaluator:
    """See the module's docstring."""

    metrics: tuple[Objective, ...] = (OBJECTIVES["latency"],)

    def __init__(self, table: BlockTable, space: CoDesignSpace) -> None:
        self._table, self._space = table, space
        self._slots = {slot.name: place for place, slot in enumerate(space.architecture.slots)}
        self._blocks = [name.removesuffix(DEPTHWISE) for name in self._slots if name.endswith(DEPTHWISE)]
        inside = {f"{block}.{part}" for block in self._blocks for part in PARTS}
        self._single = [name for name in self._slots if name not in inside and name != "image"]
        if not self._blocks or any(f"{block}.project" not in self._slots for block in self._blocks):
            raise SearchError(
                f"lut: space '{space.name}' is not made of blocks with expand, depthwise and project layers; "
                "proxylessnas and ofa-mobilenetv3 are"
            )

    def evaluate(self, genomes: Genomes) -> Columns:
        layers = self._space.layers(genomes)
        found = np.zeros(len(genomes))
        for seconds in (*self._of_blocks(layers), *self._of_layers(layers)):
            found += seconds
        return {"latency_s": found}

    def _of_blocks(self, layers: Population) -> Iterator[Column]:
        for block in self._blocks:
            depthwise, project = (self._slots[f"{block}.{part}"] for part in ("depthwise", "project"))
            first = np.full(len(layers.rows), depthwise)
            expand = self._slots.get(f"{block}.expand")
            if expand is not None:
                first = np.where(layers.active[:, expand], expand, depthwise)
            start = layers.rows[np.arange(len(first)), first]
            inner, end = layers.rows[:, depthwise], layers.rows[:, project]
            key = (start[:, PLACE["ih"]], start[:, PLACE["ic"]], end[:, PLACE["oh"]], end[:, PLACE["oc"]])
            rest = (inner[:, PLACE["oc"]], inner[:, PLACE["kh"]], inner[:, PLACE["stride_h"]])
            yield np.where(layers.active[:, depthwise], self._table.find(*key, *rest), 0.0)

    def _of_layers(self, layers: Population) -> Iterator[Column]:
        """Stem, head, mean and classifier. A mean without an entry costs nothing: one table does not list it."""
        for name in self._single:
            row = layers.rows[:, self._slots[name]]
            seconds = self._table.find(*(row[:, PLACE[field]] for field in ("ih", "ic", "oh", "oc")))
            free = not self._space.architecture.slots[self._slots[name]].weighted
            seconds = np.where(np.isnan(seconds) & free, 0.0, seconds)
            yield np.where(layers.active[:, self._slots[name]], seconds, 0.0)


PARTS = ("expand", "shuffle", "depthwise", "squeeze", "reduce", "excite", "scale", "project")
"""Layers of a block, all in its latency."""
