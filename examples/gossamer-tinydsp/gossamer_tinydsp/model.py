"""What a layer costs on a tinydsp, for many (layer, hardware) pairs at once.

Notation: R = ic/groups kh kw, the length of a dot product; O = n oc oh ow, their number; L = lanes at the precision of
the layer (a 16-bit product takes the place of two 8-bit ones, a 32-bit one of four). Arithmetic takes ceil(R / L) O
cycles: a partly filled vector is wasted. Two ways to use the scratchpad are priced and the quicker one is chosen:

    weights   all weights stay, activations stream through once
    rows      kh input rows stay, the weights stream through once per output row

DRAM traffic overlaps with arithmetic, so a layer takes the longer of the two. Not counted: bank conflicts, loop
overhead, the controller, the filling of the pipeline; expect real silicon to be slower.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import LayerCosts
from gossamer.ir.layer import Layer
from gossamer_tinydsp.hardware import TinyDspHardware

MAPPINGS = ("weights", "rows")
Column = NDArray[np.float64]


def price(layers: Sequence[Layer], hardware: Sequence[TinyDspHardware]) -> LayerCosts:
    """Row i prices layers[i] on hardware[i]; one hardware serves all layers."""
    chips = [hardware[0]] * len(layers) if len(hardware) == 1 else list(hardware)
    dots, length, moved = _work(layers)
    bits = np.array([max(layer.weight_bits, layer.activation_bits, 8) for layer in layers], dtype=float)
    lanes = np.maximum(1.0, _chip(chips, "lanes") * 8 // bits)
    compute = np.ceil(length / lanes) * dots + np.ceil(moved / lanes)

    traffic, working = _memory(layers)
    dram = traffic / _chip(chips, "dram_bytes_per_s") * _chip(chips, "clock_hz")
    cycles = np.where(working <= _chip(chips, "sram_bytes"), np.maximum(compute, dram), np.inf)
    choice = np.argmin(cycles, axis=0)
    pick = (choice, np.arange(len(layers)))

    fits, total = np.isfinite(cycles[pick]), cycles[pick]
    sram = 2 * length * dots * bits / 8 + traffic[pick]
    latency = total / _chip(chips, "clock_hz")
    energy = (
        length * dots * (bits / 8) ** 2 * _chip(chips, "mac_energy_j")
        + sram * _chip(chips, "sram_energy_j_per_byte")
        + traffic[pick] * _chip(chips, "dram_energy_j_per_byte")
        + latency * _chip(chips, "static_power_w")
    )
    ideal = length * dots / lanes
    return LayerCosts(
        latency_s=latency,
        energy_j=np.where(fits, energy, np.inf),
        compute_cycles=compute.astype(np.int64),
        stall_cycles=np.where(fits, np.maximum(total - compute, 0), 0).astype(np.int64),
        sram_bytes=sram,
        dram_bytes=traffic[pick],
        utilization=np.divide(ideal, total, out=np.zeros(len(layers)), where=fits & (total > 0)),
        fits=fits,
        mapping=choice.astype(np.int64),
        mappings=MAPPINGS,
    )


def _work(layers: Sequence[Layer]) -> tuple[Column, Column, Column]:
    """Dot products, their length, and the elements that layers without weights touch one by one."""
    dots = [layer.macs // max(1, _length(layer)) for layer in layers]
    moved = [
        0 if layer.macs else max(layer.input_elements, layer.output_elements * layer.kh * layer.kw) for layer in layers
    ]
    return np.array(dots, float), np.array([_length(layer) for layer in layers], float), np.array(moved, float)


def _length(layer: Layer) -> int:
    return (layer.ic // layer.groups) * layer.kh * layer.kw if layer.macs else 0


def _memory(layers: Sequence[Layer]) -> tuple[Column, Column]:
    """DRAM bytes and the smallest working set in bytes, one row a mapping."""
    weights = np.array([layer.weight_elements * layer.weight_bits / 8 for layer in layers])
    inputs = np.array([layer.input_elements * layer.activation_bits / 8 for layer in layers])
    outputs = np.array([layer.output_elements * layer.output_bits / 8 for layer in layers])
    row_in = np.array([layer.ic * layer.iw * layer.kh * layer.activation_bits / 8 for layer in layers])
    row_out = np.array([layer.ow * layer.output_bits / 8 for layer in layers])
    filter_bytes = weights / np.array([layer.oc for layer in layers])
    rows = np.array([layer.n * layer.oh for layer in layers], dtype=float)
    traffic = np.stack([inputs + weights + outputs, inputs + weights * rows + outputs])
    working = np.stack(
        [weights + row_in / np.maximum(1, [layer.kh for layer in layers]) + row_out, row_in + filter_bytes + row_out]
    )
    return traffic, working


def _chip(chips: Sequence[TinyDspHardware], name: str) -> Column:
    return np.array([getattr(chip, name) for chip in chips], dtype=float)
