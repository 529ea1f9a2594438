"""The target `systolic`: answers of the backend seam, each handed to the module that knows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import Infeasible, LayerCosts
from gossamer.backends.columnar import NumberColumns
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.energy import area_mm2
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.infeasible import why_not
from gossamer.backends.systolic.model import price
from gossamer.ir.analysis import node_layers
from gossamer.ir.graph import Module, Node
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule

if TYPE_CHECKING:
    from gossamer.backends.systolic.artifact import SystolicArtifact


WIDEST = 16
"""Bits of the widest multiplier there is (the upper bound of pe_bits)."""


class SystolicBackend:
    """See gossamer/backends/base.py; this one also has the door of columnar.py for inner loops."""

    name = "systolic"
    summary = "systolic-array accelerator: analytical latency, energy and area; cycles equal to SCALE-Sim's"
    hardware: type[Hardware] = SystolicHardware

    def supports(self, node: Node) -> Infeasible | None:
        """Everything but products of operands wider than any PE takes; the rest uses the vector lanes."""
        for part, layer in node_layers(node):  # those of the body, for a scan
            wide = max(layer.weight_bits, layer.activation_bits) > WIDEST
            if layer.kind in ("conv", "gemm") and wide:
                return why_not(part.title, layer, SystolicHardware(pe_bits=WIDEST))
        return None

    def schedules(self, node: Node, hardware: Hardware) -> Sequence[Schedule]:
        """The mapping the model chooses, then the other legal ones from fast to slow; empty without weights."""
        from gossamer.backends.systolic.schedules import node_schedules

        return node_schedules(node, hardware)

    def cost(self, layers: Sequence[Layer], hardware: Sequence[Hardware]) -> LayerCosts:
        """Price layers[i] on hardware[i]; one of either is broadcast."""
        return price(LayerColumns.of(layers), HardwareColumns.of(hardware))

    def area_mm2(self, hardware: Hardware) -> float | None:
        """Grid, vector lanes and SRAMs, mm2."""
        return float(area_mm2(HardwareColumns.of([hardware]))[0])

    def cost_columns(self, layers: NumberColumns, hardware: NumberColumns) -> LayerCosts:
        """`cost` without objects."""
        return price(LayerColumns(**layers), HardwareColumns.of_columns(hardware))

    def area_columns(self, hardware: NumberColumns) -> NDArray[np.float64]:
        """`area_mm2` without objects."""
        return area_mm2(HardwareColumns.of_columns(hardware))

    def compile(self, module: Module) -> "SystolicArtifact | Infeasible":
        """The network with its per-layer costs, run by the reference."""
        from gossamer.backends.systolic.compile import compile_module

        return compile_module(module)

    def load(self, folder: Path) -> "SystolicArtifact":
        """What `SystolicArtifact.save` wrote."""
        from gossamer.backends.systolic.artifact import load_artifact

        return load_artifact(folder)
