"""A compiled network layer by layer: what it is, how it is scheduled, what it is predicted to cost, what it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gossamer.backends.base import Backend
    from gossamer.ir.graph import Module, Node
    from gossamer.ir.layer import Layer
    from gossamer.report.data import LayerRow


@dataclass(frozen=True)
class LayerLine:
    """One row of the table that `gossamer compile` prints."""

    name: str
    kind: str
    shape: str
    algorithm: str
    schedule: str
    macs: int
    predicted_s: float
    measured_s: float | None


def layer_lines(module: "Module", backend: "Backend", measured: Mapping[str, float]) -> tuple[LayerLine, ...]:
    """One line a layer of a scheduled module; `measured` gives seconds by result name, where they are known."""
    from gossamer.ir.analysis import layers

    pairs = layers(module)
    if not pairs:
        return ()
    costs = backend.cost([layer for _, layer in pairs], [module.hardware or backend.hardware()])
    return tuple(
        LayerLine(
            name=node.title,
            kind=kind_of(layer),
            shape=shape_of(layer),
            algorithm=_algorithm(node, layer),
            schedule=_schedule(node) or costs.mappings[int(costs.mapping[i])],
            macs=layer.macs,
            predicted_s=float(costs.latency_s[i]),
            measured_s=measured.get(node.result.name),
        )
        for i, (node, layer) in enumerate(pairs)
    )


def layer_rows(module: "Module", backend: "Backend") -> "tuple[LayerRow, ...]":
    """One row a layer of a design on its hardware, with energy, traffic and utilisation."""
    from gossamer.ir.analysis import layers
    from gossamer.report.data import LayerRow

    pairs = layers(module)
    if not pairs:
        return ()
    costs = backend.cost([layer for _, layer in pairs], [module.hardware or backend.hardware()])
    return tuple(
        LayerRow(
            label=node.title,
            kind=kind_of(layer),
            shape=shape_of(layer),
            weight_bits=layer.weight_bits,
            activation_bits=layer.activation_bits,
            macs=layer.macs,
            latency_s=float(costs.latency_s[i]),
            energy_j=float(costs.energy_j[i]),
            stall_cycles=int(costs.stall_cycles[i]),
            dram_bytes=float(costs.dram_bytes[i]),
            utilization=float(costs.utilization[i]),
            mapping=costs.mappings[int(costs.mapping[i])],
        )
        for i, (node, layer) in enumerate(pairs)
    )


def kind_of(layer: "Layer") -> str:
    """`conv 3x3`, `depthwise 3x3`, `gemm`."""
    name = "depthwise" if layer.depthwise else layer.kind
    return f"{name} {layer.kh}x{layer.kw}" if layer.kind in ("conv", "pool") else name


def shape_of(layer: "Layer") -> str:
    """`64x56x56 -> 128x28x28`; a gemm is `1x512 -> 1x1000`."""
    if layer.kind == "gemm":
        return f"{layer.n}x{layer.ic} -> {layer.n}x{layer.oc}"
    return f"{layer.ic}x{layer.ih}x{layer.iw} -> {layer.oc}x{layer.oh}x{layer.ow}"


def _algorithm(node: "Node", layer: "Layer") -> str:
    if node.schedule is None:
        return "direct" if layer.macs else ""
    m = node.schedule.winograd_m
    return f"winograd F({m},{layer.kh})" if m is not None else node.schedule.algorithm


def _schedule(node: "Node") -> str:
    """Tiles and loop annotations in a few words; the IR text has them in full."""
    plan = node.schedule
    if plan is None:
        return ""
    tiles = " ".join(f"{tile.axis}:{'x'.join(map(str, tile.sizes))}" for tile in plan.tile)
    vector = f"vec {plan.vectorize.axis}:{plan.vectorize.sizes[-1]}" if plan.vectorize else ""
    parallel = f"par {','.join(plan.parallel)}" if plan.parallel else ""
    return " ".join(part for part in (plan.layout, plan.dataflow, tiles, vector, parallel) if part)
