"""An optional door of a backend: prices asked in columns of numbers, with no object per layer or chip.

A search asks for the prices of thousands of fresh designs a second; building an object for each of their layers and
chips would take longer than the answer. A backend that has this door is asked through it, every other one through
`Backend.cost`; both must give the same numbers.

    layers    field of `gossamer.ir.layer.Layer` -> float64 [n]; `kind` as its position in `LayerKind`
    hardware  field of the backend's hardware -> float64 [n]; a word as its position in the parameter's `choices`

A field of the hardware that is left out has its default. A backend has this door only if its hardware's fields do not
exclude each other: values within their bounds are always a chip.
"""

from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import LayerCosts

NumberColumns: TypeAlias = Mapping[str, NDArray[np.float64]]


@runtime_checkable
class ColumnarBackend(Protocol):
    """What a backend has beside `gossamer.backends.base.Backend` to be fast."""

    def cost_columns(self, layers: NumberColumns, hardware: NumberColumns) -> LayerCosts:
        """As `Backend.cost`: row i of the layers on row i of the hardware."""
        ...

    def area_columns(self, hardware: NumberColumns) -> NDArray[np.float64]:
        """As `Backend.area_mm2`, mm2 a row; nan where it is not known."""
        ...
