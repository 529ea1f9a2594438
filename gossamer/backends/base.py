"""The seam between Gossamer and a target: what a backend must answer.

"Does not fit" is a result (`Infeasible`: what was needed, what there was, what would help), never an exception.
Costs are columnar: row i of a `LayerCosts` answers for layers[i] on hardware[i], so that one call prices a whole
population. A backend is an object behind an entry point of the group `gossamer.backends`; `gossamer check-backend NAME`
tries everything said here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.graph import Array, Module, Node
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule
from gossamer.ir.types import Value


@dataclass(frozen=True)
class Infeasible:
    """Why something does not fit: `where`, what it needed, what there was, what would help."""

    where: str
    needed: str
    available: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: needs {self.needed}, has {self.available}; {self.remedy}"


@dataclass(frozen=True)
class LayerCosts:
    """Columns, one row per (layer, hardware) pair. Infeasible rows have `fits` False and infinite latency and energy.

    `mapping` names the schedule chosen for each row (best latency, then energy, of `schedules`).
    """

    latency_s: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    compute_cycles: NDArray[np.int64]
    stall_cycles: NDArray[np.int64]
    sram_bytes: NDArray[np.float64]
    dram_bytes: NDArray[np.float64]
    utilization: NDArray[np.float64]
    fits: NDArray[np.bool_]
    mapping: NDArray[np.int64]
    mappings: tuple[str, ...]


@runtime_checkable
class Artifact(Protocol):
    """A compiled network."""

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What `run` takes: names, types and shapes."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name, in arrays of their own; inputs by name. Raises DataError when they are not `inputs`."""
        ...

    def save(self, folder: Path | str) -> None:
        """Write everything needed to run it again into `folder` (created; refused when it holds something else).

        The folder must hold `manifest.json`, a JSON object whose "target" is the backend's name: `gs.load_artifact`
        finds the backend by it. `gossamer.backends.folder.write_folder` does what is asked here.
        """
        ...


@runtime_checkable
class Backend(Protocol):
    """A target."""

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str:
        """One line for `gossamer targets`."""
        ...

    @property
    def hardware(self) -> type[Hardware]:
        """Its hardware description."""
        ...

    def supports(self, node: Node) -> Infeasible | None:
        """None when the node can run there."""
        ...

    def schedules(self, node: Node, hardware: Hardware) -> Sequence[Schedule]:
        """Legal schedules of a node, the default pick first; empty for nodes it does not schedule."""
        ...

    def cost(self, layers: Sequence[Layer], hardware: Sequence[Hardware]) -> LayerCosts:
        """Price layers[i] on hardware[i], each with its best schedule. One hardware is broadcast over all layers."""
        ...

    def area_mm2(self, hardware: Hardware) -> float | None:
        """Silicon area; None where it is not known (a chip one buys)."""
        ...

    def compile(self, module: Module) -> Artifact | Infeasible:
        """Build the module for its hardware (or the default one), honouring the schedules on its nodes."""
        ...

    def load(self, folder: Path) -> Artifact:
        """Load what `Artifact.save` wrote. Raises BackendError when it cannot be."""
        ...
