"""Latency of MobileNetV2's 53 layers by bits, from the simulator of HAQ (Wang et al., CVPR 2019): the evaluator `haq`.

    space: {ofa-mobilenetv2: {...}}              # or any with 53 weighted layers; MobileNetV2's are meant
    precision: {per: layer, weights: [2, 4, 6, 8], activations: [2, 4, 6, 8]}
    evaluators: [haq]

    table = haq.read()             # [53, 8, 8]: layer, bits of weights - 1, bits of activations - 1

The order of the axes is not written down; it follows from the numbers: the first layer, with few weights and many
activations, grows with the last axis, the classifier with the one before. The unit is not written down either, so the
metric, `haq_latency`, has none. Batch 16, 224x224 images, 100 classes.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import PLACE as FIELD
from gossamer.search.evaluators import Context
from gossamer.search.inner import Columns
from gossamer.search.metrics import Objective
from gossamer.search.published.files import find, read_bytes
from gossamer.search.space import CoDesignSpace

PLACE = "lut_haq/qmobilenetv2_imagenet100_batch16_latency_table.npy"
LAYERS, BITS = 53, 8


def read() -> NDArray[np.float64]:
    """f64 [53, 8, 8]. DataError: not there, not such an array, or a pickle in disguise."""
    path = find(PLACE, "HAQ's latency table")
    try:
        table = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: is no array of numbers ({error})") from None
    if not isinstance(table, np.ndarray) or table.shape != (LAYERS, BITS, BITS) or table.dtype.kind not in "if":
        raise DataError(f"{path}: needs {LAYERS} layers x {BITS} x {BITS} numbers")
    return table.astype(np.float64)


@dataclass(frozen=True)
class Haq:
    """No options."""

    def start(self, context: Context) -> "HaqLatency":
        """DataError: no table; SearchError: networks of another number of weighted layers."""
        return HaqLatency(read(), context.space)


class HaqLatency:
    """The sum over layers. Without a value (nan): more than eight bits, as in float networks."""

    metrics: tuple[Objective, ...] = (Objective("haq_latency", "haq_latency", ""),)

    def __init__(self, table: NDArray[np.float64], space: CoDesignSpace) -> None:
        weighted = [place for place, slot in enumerate(space.architecture.slots) if slot.weighted]
        if len(weighted) != LAYERS or any(space.architecture.slots[place].when for place in weighted):
            raise SearchError(
                f"haq: the table has {LAYERS} layers, those of MobileNetV2, and networks of '{space.name}' have "
                f"{len(weighted)} weighted ones, or not always all of them"
            )
        self._table, self._space, self._places = table, space, weighted

    def evaluate(self, genomes: Genomes) -> Columns:
        rows = self._space.layers(genomes).rows[:, self._places]
        weights, inputs = rows[..., FIELD["weight_bits"]], rows[..., FIELD["activation_bits"]]
        known = (np.maximum(weights, inputs) <= BITS).all(axis=1)
        picked = np.minimum(weights, BITS) - 1, np.minimum(inputs, BITS) - 1
        found = self._table[np.arange(LAYERS), picked[0], picked[1]].sum(axis=1)
        return {"haq_latency": np.where(known, found, np.nan)}
