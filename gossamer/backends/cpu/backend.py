"""The backend object behind the entry point `cpu`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gossamer.backends.cpu.hardware import CpuHardware, host
from gossamer.ir.errors import BackendError
from gossamer.ir.hardware import Hardware

if TYPE_CHECKING:  # a program that loads an artifact and runs it needs none of these
    from gossamer.backends.base import Artifact, Infeasible, LayerCosts
    from gossamer.backends.cpu.layout_choice import Conversion
    from gossamer.backends.cpu.tuning.tune import Tuned
    from gossamer.backends.explanation import Explanation
    from gossamer.ir.graph import Module, Node
    from gossamer.ir.layer import Layer
    from gossamer.ir.schedule import Schedule
    from gossamer.ir.types import Value


class CpuBackend:
    """Compiles and runs on this machine; prices layers on any CPU described by `CpuHardware`."""

    name = "cpu"
    summary = "this machine's CPU: native kernels through TVM, blocked layouts, Winograd, int8"

    @property
    def hardware(self) -> type[Hardware]:
        return CpuHardware

    def default_hardware(self) -> CpuHardware:
        """This machine."""
        return host()

    def supports(self, node: "Node") -> "Infeasible | None":
        from gossamer.backends.cpu.support import unsupported

        return unsupported(node)

    def schedules(self, node: "Node", hardware: Hardware) -> "Sequence[Schedule]":
        from gossamer.backends.cpu.schedules import legal_schedules

        return legal_schedules(node, _own(hardware))

    def layouts(self, module: "Module", hardware: Hardware) -> "tuple[Mapping[Value, str], tuple[Conversion, ...]]":
        """(first result of a node -> its layout, values worth a copy in another); what is written already stays."""
        from gossamer.backends.cpu.layout_choice import layouts_of

        plan = layouts_of(module, _own(hardware))
        return plan.written(module.graph), plan.conversions

    def cost(self, layers: "Sequence[Layer]", hardware: Sequence[Hardware]) -> "LayerCosts":
        from gossamer.backends.cpu.cost import layer_costs

        return layer_costs(layers, [_own(h) for h in hardware])

    @property
    def algorithms(self) -> "tuple[Schedule, ...]":
        from gossamer.backends.cpu.schedules import WINOGRAD_TILES
        from gossamer.ir.schedule import Schedule

        return tuple(Schedule(algorithm="winograd", winograd_m=m) for m in WINOGRAD_TILES)

    def runs(self, layer: "Layer", algorithm: "Schedule") -> bool:
        from gossamer.backends.cpu.winograd_cost import runs_winograd

        return algorithm.winograd_m is not None and runs_winograd(layer, algorithm.winograd_m)

    def cost_as(
        self, layers: "Sequence[Layer]", algorithms: "Sequence[Schedule | None]", hardware: Sequence[Hardware]
    ) -> "LayerCosts":
        from gossamer.backends.cpu.winograd_cost import costs_as

        return costs_as(layers, algorithms, [_own(h) for h in hardware])

    def area_mm2(self, hardware: Hardware) -> float | None:
        return None

    def compile(self, module: "Module") -> "Artifact | Infeasible":
        from gossamer.backends.cpu.build import compile_module

        return compile_module(module, host() if module.hardware is None else _own(module.hardware))

    def tuned(
        self, module: "Module", seconds: float, database: "Path | str | None", progress: "Callable[[str], None] | None"
    ) -> "Tuned | None":
        """The module with the fastest schedules known, after measuring for so long; None: nothing is known."""
        from gossamer.backends.cpu.tuning.tune import tuned_module

        placed = module if module.hardware is not None else module.with_hardware(host())
        return tuned_module(placed, seconds, database, progress)

    def explain(self, module: "Module") -> "tuple[Explanation, ...]":
        """Why the layers of a prepared module are compiled as they are."""
        from gossamer.backends.cpu.explain import explained

        return explained(module, host() if module.hardware is None else _own(module.hardware))

    def load(self, folder: Path) -> "Artifact":
        from gossamer.backends.cpu.artifact import CpuArtifact

        return CpuArtifact.load(folder)


def _own(hardware: Hardware) -> CpuHardware:
    if not isinstance(hardware, CpuHardware):
        raise BackendError(f"cpu: found hardware of target '{hardware.target}', needed a CpuHardware")
    return hardware
