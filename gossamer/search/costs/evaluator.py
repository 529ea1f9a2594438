"""The evaluator `cost`: latency, energy, area, MACs and weights of designs from the cost model of a target."""

from dataclasses import dataclass

from gossamer.backends.base import Backend
from gossamer.ir.registry import BACKENDS
from gossamer.search.choices import Choices, Genomes
from gossamer.search.costs.pricing import CostTable
from gossamer.search.evaluators import Context
from gossamer.search.inner import Columns, hardware_metrics
from gossamer.search.objectives import OBJECTIVES, Objective
from gossamer.search.space import CoDesignSpace


@dataclass(frozen=True)
class Cost:
    """`target`: an installed target other than the search's own, at its default hardware; "" for the search's own."""

    target: str = ""

    def start(self, context: Context) -> "CostEvaluator":
        space = context.space
        if not self.target or (space.target is not None and space.target.name == self.target):
            return CostEvaluator(space)
        backend: Backend = BACKENDS.load(self.target)
        return CostEvaluator(CoDesignSpace(space.architecture, space.precision, backend, Choices(())))


class CostEvaluator:
    """Prices through a table that grows. A design that does not fit has infinite latency and energy."""

    def __init__(self, space: CoDesignSpace) -> None:
        backend = space.backend
        self.table = CostTable(space)
        self._genes = len(space.choices)
        area = backend.area_mm2(backend.hardware()) is not None
        every = [item for item in OBJECTIVES.values() if item.key != "accuracy" and (area or item.key != "area_mm2")]
        self.metrics: tuple[Objective, ...] = tuple(every)

    def evaluate(self, genomes: Genomes) -> Columns:
        found = hardware_metrics(self.table, genomes[:, : self._genes])
        return {item.key: found[item.key] for item in self.metrics}
