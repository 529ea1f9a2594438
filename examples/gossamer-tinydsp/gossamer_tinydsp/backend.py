"""The backend: hardware, model and artifact behind the seam `gossamer.backends.base.Backend`."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from gossamer.backends.base import Infeasible, LayerCosts
from gossamer.ir.graph import Module, Node
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule
from gossamer_tinydsp.artifact import TinyDspArtifact, load_artifact
from gossamer_tinydsp.hardware import TinyDspHardware
from gossamer_tinydsp.model import MAPPINGS, price

WIDEST_BITS = 32
_SCHEDULED = ("nn.conv2d", "nn.gemm", "nn.matmul", "ir.fused")


class TinyDsp:
    """A small dot-product DSP."""

    name = "tinydsp"
    summary = "a small dot-product DSP with one scratchpad (example of a target from outside)"
    hardware: type[Hardware] = TinyDspHardware

    def supports(self, node: Node) -> Infeasible | None:
        """Everything up to 32 bits and four dimensions."""
        for value in (*node.op.operands, *node.results):
            if value.dtype.bits > WIDEST_BITS:
                return Infeasible(node.title, f"{value.dtype}", f"{WIDEST_BITS} bits at most", "cast it to f32 or i32")
            if value.type.rank > 4:
                return Infeasible(node.title, f"{value.type.rank} dimensions", "4", "reshape it")
        return None

    def schedules(self, node: Node, hardware: Hardware) -> Sequence[Schedule]:
        """The two ways of using the scratchpad, for layers with dot products."""
        del hardware  # both are legal on every tinydsp; the model says where one does not fit
        return tuple(Schedule(dataflow=name) for name in MAPPINGS) if node.op.name in _SCHEDULED else ()

    def cost(self, layers: Sequence[Layer], hardware: Sequence[Hardware]) -> LayerCosts:
        """See model.py."""
        return price(layers, cast(Sequence[TinyDspHardware], hardware))

    def area_mm2(self, hardware: Hardware) -> float:
        """Multipliers and scratchpad."""
        chip = cast(TinyDspHardware, hardware)
        return chip.lanes * chip.lane_area_mm2 + chip.sram_bytes / 1024 * chip.sram_area_mm2_per_kib

    def compile(self, module: Module) -> TinyDspArtifact | Infeasible:
        """Check every node; the first that cannot run is the answer."""
        for node in module.graph.nodes:
            reason = self.supports(node)
            if reason is not None:
                return reason
        return TinyDspArtifact(module if module.hardware else module.with_hardware(TinyDspHardware()))

    def load(self, folder: Path) -> TinyDspArtifact:
        """Load what `save` wrote."""
        return load_artifact(folder)
