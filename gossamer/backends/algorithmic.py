"""An optional door of a backend: algorithms that a layer may be run with, and what it costs with each.

`Backend.cost` prices a layer as the target would run it by itself. A search that chooses algorithms per layer needs the
prices of the others too; a backend that has this door can be searched so. Mappings (tiles, loop orders, dataflows) need
no such door: `Backend.cost` takes the best one of each layer.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from gossamer.backends.base import LayerCosts
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule


@runtime_checkable
class AlgorithmicBackend(Protocol):
    """What a backend has beside `gossamer.backends.base.Backend` to be searched for algorithms."""

    @property
    def algorithms(self) -> tuple[Schedule, ...]:
        """Every algorithm that may be asked for: schedules that say nothing but the algorithm."""
        ...

    def runs(self, layer: Layer, algorithm: Schedule) -> bool:
        """Whether a layer with this signature can be run with it."""
        ...

    def cost_as(
        self, layers: Sequence[Layer], algorithms: Sequence[Schedule | None], hardware: Sequence[Hardware]
    ) -> LayerCosts:
        """As `Backend.cost`, layers[i] with algorithms[i]; None: as the target runs it by itself."""
        ...
