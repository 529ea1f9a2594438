"""The evaluator `counts`: MACs, parameters, bytes of weights and of features, by arithmetic on the layers of designs.

    evaluators: [counts, {table: {dataset: cifar100}}]
    objectives: [accuracy, params]

params: as published, where a family counts them so (nasbench201); else the weights and one bias per output channel,
which is what is left of a network once its batch norms are folded. weight_bytes: the weights alone, in their bits.
peak_bytes: the most that the input and the output of one layer take together; what a branch keeps alive meanwhile is
not in it, so it is exact for chains without residual additions and a lower bound otherwise.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossamer.search.choices import Genomes
from gossamer.search.costs.columns import PLACE, Population, Rows, macs, weight_bits
from gossamer.search.evaluators import Context
from gossamer.search.inner import Columns
from gossamer.search.metrics import OBJECTIVES, Objective
from gossamer.search.space import CoDesignSpace

METRICS = (
    OBJECTIVES["macs"],
    Objective("params", "params", ""),
    OBJECTIVES["weights"],
    Objective("peak_bytes", "peak", "B"),
)


@runtime_checkable
class Counted(Protocol):
    """A family with counts as published."""

    def parameters(self, genomes: Genomes) -> NDArray[np.int64]:
        """[P]."""
        ...

    def flops(self, genomes: Genomes) -> NDArray[np.int64]:
        """[P]: what the publication calls FLOPs, multiply-accumulates."""
        ...


@dataclass(frozen=True)
class Counts:
    """No options."""

    def start(self, context: Context) -> "CountsEvaluator":
        return CountsEvaluator(context.space)


class CountsEvaluator:
    """See the module's docstring."""

    metrics: tuple[Objective, ...] = METRICS

    def __init__(self, space: CoDesignSpace) -> None:
        self._space = space

    def evaluate(self, genomes: Genomes) -> Columns:
        population = self._space.layers(genomes)
        rows, design = population.flat()
        multiplies = _summed(macs(rows), design, len(genomes))
        params = _summed(_parameters(rows), design, len(genomes))
        network = self._space.architecture
        if isinstance(network, Counted):
            own = genomes[:, : len(network.choices)]
            multiplies, params = network.flops(own).astype(np.float64), network.parameters(own).astype(np.float64)
        weights = _summed(weight_bits(rows) / 8, design, len(genomes))
        return {"macs": multiplies, "params": params, "weight_bytes": weights, "peak_bytes": _peak(population)}


def _summed(values: Rows | NDArray[np.float64], design: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    return np.bincount(design, weights=values, minlength=count).astype(np.float64)


def _parameters(rows: Rows) -> NDArray[np.int64]:
    """Weights and one bias per output channel of weighted layers."""
    elements = weight_bits(rows) // rows[:, PLACE["weight_bits"]]
    return np.where(elements > 0, elements + rows[:, PLACE["oc"]], 0)


def _peak(population: Population) -> NDArray[np.float64]:
    """[P] bytes of the largest layer's input and output."""
    column = {name: population.rows[..., place].astype(np.float64) for name, place in PLACE.items()}
    inputs = column["n"] * column["ic"] * column["ih"] * column["iw"] * column["operands"] * column["activation_bits"]
    outputs = column["n"] * column["oc"] * column["oh"] * column["ow"] * column["output_bits"]
    return np.where(population.active, (inputs + outputs) / 8, 0.0).max(axis=1)
