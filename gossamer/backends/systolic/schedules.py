"""Mappings as schedules and back: what `tile{target=systolic}` writes on a node and `compile` honours.

    @schedule tile=(oc:16, oh:14, ow:56, ic:64) order=(oh, ow, oc, ic) dataflow=ws

`tile` is one level, the tile held in the SRAMs (all kernel taps of `ic` channels; n stands for the rows of a gemm);
`order` is the order of the tiles, outermost first; `dataflow` repeats the hardware's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import Infeasible
from gossamer.backends.systolic.choose import candidate_cycles
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.energy import Prices
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.mapping import CHANNELS, PIXELS, PLANES, Pixels, Product, channel_tiles, depth_tiles
from gossamer.backends.systolic.model import price
from gossamer.ir.analysis import layer as layer_of
from gossamer.ir.graph import Node
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer
from gossamer.ir.schedule import Schedule, Tile


@dataclass(frozen=True)
class Mapping:
    """A candidate of mapping.py by its position, as a schedule, with its latency in cycles."""

    candidate: int
    schedule: Schedule
    cycles: float


def node_schedules(node: Node, hardware: Hardware) -> Sequence[Schedule]:
    """Legal schedules of a node, the model's choice first; empty for nodes that use the vector lanes or do not fit."""
    layer = layer_of(node)
    if layer is None or layer.kind not in ("conv", "gemm"):
        return ()
    return tuple(mapping.schedule for mapping in layer_mappings(layer, hardware))


def layer_mappings(layer: Layer, hardware: Hardware) -> tuple[Mapping, ...]:
    """Legal mappings of a conv or gemm layer, best first; mappings that give the same tiles are listed once."""
    assert isinstance(hardware, SystolicHardware)
    layers, chips = LayerColumns.of([layer]), HardwareColumns.of([hardware])
    if max(layer.weight_bits, layer.activation_bits) > hardware.pe_bits:
        return ()
    cycles = candidate_cycles(float(chips.dataflow[0]), layers, chips, Prices.of(chips))[0]
    best = int(price(layers, chips).mapping[0])
    legal = [int(i) for i in np.argsort(cycles, kind="stable") if np.isfinite(cycles[i])]
    found: dict[Schedule, Mapping] = {}
    for i in ([best] if legal else []) + [i for i in legal if i != best]:
        schedule = _schedule(layer, layers, chips, hardware.dataflow, i)
        found.setdefault(schedule, Mapping(i, schedule, float(cycles[i])))
    return tuple(found.values())


def chosen_mapping(layer: Layer, schedule: Schedule, hardware: Hardware, where: str) -> int | Infeasible:
    """Position of the candidate that a node's schedule asks for; Infeasible when the hardware has no such mapping."""
    legal = layer_mappings(layer, hardware)
    for mapping in legal:
        if mapping.schedule == schedule:
            return mapping.candidate
    return Infeasible(
        where,
        f"the schedule on it ({schedule})",
        f"{len(legal)} legal mappings without it on this hardware",
        "drop the schedule, or let the pass tile{target=systolic} choose one",
    )


def _schedule(layer: Layer, layers: LayerColumns, chips: HardwareColumns, dataflow: str, candidate: int) -> Schedule:
    plane, step_m, step_n = np.unravel_index(candidate, (len(PLANES), PIXELS, CHANNELS))
    p = Product.of(layers)
    pixels = _at(Pixels.of(p, chips).tile, int(step_m))
    channels = int(channel_tiles(p, chips)[step_n, 0])
    depth = float(depth_tiles(p, chips)[max(0, int(plane) - 1)][0])
    inner = min(layer.ic // layer.groups, int(np.ceil(depth / (layer.kh * layer.kw))))
    if layer.kind == "gemm" and layer.oh * layer.ow == 1:
        outer: tuple[Tile, ...] = (Tile("n", (pixels,)),)
    else:
        tall, wide = max(1, pixels // layer.ow), min(layer.ow, pixels)
        outer = (Tile("n", (max(1, tall // layer.oh),)), Tile("oh", (min(layer.oh, tall),)), Tile("ow", (wide,)))
    names = tuple(tile.axis for tile in outer)
    order = ("oc", *names, "ic") if PLANES[int(plane)].startswith("nm") else (*names, "oc", "ic")
    return Schedule(tile=(*outer, Tile("oc", (channels,)), Tile("ic", (inner,))), order=order, dataflow=dataflow)


def _at(column: NDArray[np.float64], step: int) -> int:
    return int(column[step, 0, 0])
