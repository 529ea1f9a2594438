"""Mappings as schedules and back: what `tile{target=systolic}` writes on a node and `compile` honours.

    @schedule tile=(oc:16, oh:14, ow:56, ic:64) order=(oh, ow, oc, ic) dataflow=ws

`tile` is one level, the tile held in the SRAMs (all kernel taps of `ic` channels; n stands for the rows of a gemm);
`order` is the order of the tiles, outermost first; `dataflow` repeats the hardware's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np

from gossamer.backends.base import Infeasible
from gossamer.backends.systolic.choose import candidate_cycles
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.energy import Prices
from gossamer.backends.systolic.hardware import SystolicHardware
from gossamer.backends.systolic.mapping import CHANNELS, PIXELS, PLANES, Pixels, Product, channel_tiles, depth_tiles
from gossamer.backends.systolic.model import price
from gossamer.ir.analysis import layer as layer_of
from gossamer.ir.errors import BackendError
from gossamer.ir.graph import Node
from gossamer.ir.hardware import Hardware
from gossamer.ir.layer import Layer
from gossamer.ir.ops.scan import Scan
from gossamer.ir.schedule import Schedule, Tile


@dataclass(frozen=True)
class Mapping:
    """A candidate of mapping.py by its position, as a schedule, with its latency in cycles."""

    candidate: int
    schedule: Schedule
    cycles: float


def node_schedules(node: Node, hardware: Hardware) -> Sequence[Schedule]:
    """Legal schedules of a node, the model's choice first; empty for nodes that use the vector lanes or do not fit.

    Empty for a scan too: its body has no loops of its own that a schedule could name, and the model chooses.
    """
    layer = None if isinstance(node.op, Scan) else layer_of(node)
    if layer is None or layer.kind not in ("conv", "gemm"):
        return ()
    return tuple(mapping.schedule for mapping in layer_mappings(layer, hardware))


@lru_cache(maxsize=4096)
def layer_mappings(layer: Layer, hardware: Hardware) -> tuple[Mapping, ...]:
    """Legal mappings of a conv or gemm layer, best first; mappings that give the same tiles are listed once."""
    if not isinstance(hardware, SystolicHardware):
        raise BackendError(f"hardware is for target '{hardware.target}', needed 'systolic'")
    if max(layer.weight_bits, layer.activation_bits) > hardware.pe_bits:
        return ()
    layers, chips = LayerColumns.of([layer]), HardwareColumns.of([hardware])
    cycles = candidate_cycles(float(chips.dataflow[0]), layers, chips, Prices.of(chips))[0]
    best = int(price(layers, chips).mapping[0])
    legal = [int(i) for i in np.argsort(cycles, kind="stable") if np.isfinite(cycles[i])]
    sizes = _Sizes.of(layers, chips)
    found: dict[Schedule, Mapping] = {}
    for i in ([best] if legal else []) + [i for i in legal if i != best]:
        schedule = _schedule(layer, sizes, hardware.dataflow, i)
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


@dataclass(frozen=True)
class _Sizes:
    """Tile sizes of one layer on one chip: M, N and K of a full tile by step."""

    pixels: tuple[int, ...]
    channels: tuple[int, ...]
    depths: tuple[int, ...]

    @staticmethod
    def of(layers: LayerColumns, chips: HardwareColumns) -> "_Sizes":
        p = Product.of(layers)
        ladders = (Pixels.of(p, chips).tile, channel_tiles(p, chips), np.stack(depth_tiles(p, chips)))
        return _Sizes(*(tuple(int(size) for size in ladder.reshape(-1)) for ladder in ladders))


def _schedule(layer: Layer, sizes: _Sizes, dataflow: str, candidate: int) -> Schedule:
    plane, steps = divmod(candidate, PIXELS * CHANNELS)
    pixels, channels = sizes.pixels[steps // CHANNELS], sizes.channels[steps % CHANNELS]
    depth = sizes.depths[max(0, plane - 1)]  # the first two planes have the whole depth
    inner = min(layer.ic // layer.groups, ceil(depth / (layer.kh * layer.kw)))
    outer = _pixel_tiles(layer, pixels)
    names = tuple(tile.axis for tile in outer)
    order = ("oc", *names, "ic") if PLANES[plane].startswith("nm") else (*names, "oc", "ic")
    return Schedule(tile=(*outer, Tile("oc", (channels,)), Tile("ic", (inner,))), order=order, dataflow=dataflow)


def _pixel_tiles(layer: Layer, pixels: int) -> tuple[Tile, ...]:
    """M of a tile as rows of a gemm, or as images, rows and columns of a convolution."""
    if layer.kind == "gemm":
        return (Tile("n", (pixels,)),)
    tall, wide = max(1, pixels // layer.ow), min(layer.ow, pixels)
    return Tile("n", (max(1, tall // layer.oh),)), Tile("oh", (min(layer.oh, tall),)), Tile("ow", (wide,))
