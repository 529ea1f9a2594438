"""The evaluator `linear-energy`: a linear table over the operations of a cell or a chain.

    energy = base + sum over the genes of joules[value of the gene]

Whatever a gene may be needs an entry. The default is for nasbench201 and 32x32 images, all 15 cells together, in
microjoules, from what 45 nm logic takes (Horowitz, ISSCC 2014): 4.6 pJ a float multiply-accumulate, 12.5 pJ a byte of a
1 MB SRAM, every edge reading and writing its features once. It is a model, not a measurement: its use is a third
objective whose exact front is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gossamer.ir.errors import SearchError
from gossamer.search.choices import Genomes
from gossamer.search.evaluators import Context
from gossamer.search.inner import Columns
from gossamer.search.metrics import OBJECTIVES, Objective
from gossamer.search.spaces.base import NetworkSpace

NASBENCH201_UJ: Mapping[str, float] = {
    "none": 0.0,
    "skip_connect": 14.3,
    "avg_pool_3x3": 15.5,
    "nor_conv_1x1": 32.4,
    "nor_conv_3x3": 177.1,
}


@dataclass(frozen=True)
class LinearEnergy:
    """`operations`: microjoules by value of a gene; `base`: microjoules of what all networks share."""

    operations: Mapping[str, float] = field(default_factory=lambda: dict(NASBENCH201_UJ))
    base: float = 50.0

    def __post_init__(self) -> None:
        wrong = [name for name, value in self.operations.items() if not np.isfinite(value) or value < 0]
        if wrong or not np.isfinite(self.base) or self.base < 0:
            raise SearchError(f"linear-energy: {wrong[0] if wrong else 'base'} needs microjoules of at least 0")

    def start(self, context: Context) -> "LinearEnergyEvaluator":
        """SearchError: a value of a gene that the table lacks."""
        return LinearEnergyEvaluator(self, context.space.architecture)


class LinearEnergyEvaluator:
    """See the module's docstring."""

    metrics: tuple[Objective, ...] = (OBJECTIVES["energy"],)

    def __init__(self, settings: LinearEnergy, space: NetworkSpace) -> None:
        self._base = settings.base
        self._tables = [_table(settings, item.name, item.values, space.name) for item in space.choices.items]

    def evaluate(self, genomes: Genomes) -> Columns:
        found = np.full(len(genomes), self._base)
        for place, table in enumerate(self._tables):
            found += table[genomes[:, place]]
        return {"energy_j": found * 1e-6}


def _table(settings: LinearEnergy, name: str, values: tuple[object, ...], space: str) -> np.ndarray:
    missing = [str(value) for value in values if str(value) not in settings.operations]
    if missing:
        raise SearchError(
            f"linear-energy: no microjoules for '{missing[0]}', which '{name}' of space '{space}' may be; "
            "give them in operations"
        )
    return np.array([settings.operations[str(value)] for value in values])
