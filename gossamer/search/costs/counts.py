"""The evaluator `counts`: MACs, parameters, bytes of weights and of features, by arithmetic on the layers of designs.

    evaluators: [{counts: {only: [macs, params]}}, {table: {dataset: cifar100}}]
    objectives: [accuracy, params]

params: as published, where a family counts them so (nasbench201); else the weights and one bias per output channel,
which is what is left of a network once its batch norms are folded. weight_bytes: the weights alone, in their bits.
peak_bytes: the most that the input and the output of one layer take together; what a branch keeps alive meanwhile is
not in it, so it is exact for chains without residual additions and a lower bound otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import SearchError
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


Name = Literal["macs", "params", "weights", "peak"]


@dataclass(frozen=True)
class Counts:
    """`only` these. Macs and params of nasbench201 need no layers: without the others they take no time."""

    only: tuple[Name, ...] = ("macs", "params", "weights", "peak")

    def __post_init__(self) -> None:
        if not self.only or len(set(self.only)) < len(self.only):
            raise SearchError("counts: only needs names, each once")

    def start(self, context: Context) -> "CountsEvaluator":
        return CountsEvaluator(context.space, self.only)


class CountsEvaluator:
    """See the module's docstring."""

    def __init__(self, space: CoDesignSpace, only: Sequence[str] = tuple(item.label for item in METRICS)) -> None:
        self._space = space
        self.metrics: tuple[Objective, ...] = tuple(item for item in METRICS if item.label in only)

    def evaluate(self, genomes: Genomes) -> Columns:
        found = self._published(genomes)
        wanted = [item.key for item in self.metrics]
        if any(key not in found for key in wanted):
            found = self._counted(genomes) | found
        return {key: found[key] for key in wanted}

    def _published(self, genomes: Genomes) -> Columns:
        network = self._space.architecture
        if not isinstance(network, Counted):
            return {}
        own = genomes[:, : len(network.choices)]
        return {"macs": network.flops(own).astype(np.float64), "params": network.parameters(own).astype(np.float64)}

    def _counted(self, genomes: Genomes) -> Columns:
        population = self._space.layers(genomes)
        rows, design = population.flat()
        return {
            "macs": _summed(macs(rows), design, len(genomes)),
            "params": _summed(_parameters(rows), design, len(genomes)),
            "weight_bytes": _summed(weight_bits(rows) / 8, design, len(genomes)),
            "peak_bytes": _peak(population),
        }


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
