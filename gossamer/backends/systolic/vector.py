"""Layers without weights on the vector lanes: pooling, pointwise arithmetic, reductions and data movement.

`cols` lanes do one operation each a cycle on data streamed from and to DRAM, so a layer takes

    max(operations / lanes, DRAM bytes / bandwidth)   cycles

Operations: pool, outputs x kernel; eltwise and other, outputs x operands; reduce, inputs; move, none. Data passes
through the ifmap and ofmap SRAMs once, a line at a time, so every layer fits; lanes are 32 bits wide. An operation
costs a 32-bit addition.
"""

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.choose import Choice
from gossamer.backends.systolic.columns import KINDS, HardwareColumns, LayerColumns
from gossamer.backends.systolic.energy import PICO, Prices, figure
from gossamer.backends.systolic.mapping import VECTOR

Column = NDArray[np.float64]


def price_vector(layers: LayerColumns, chips: HardwareColumns) -> Choice:
    """Cost of rows whose kind is not conv or gemm."""
    prices = Prices.of(chips)
    inputs = layers.n * layers.ic * layers.ih * layers.iw * layers.operands
    outputs = layers.n * layers.oc * layers.oh * layers.ow
    operations = _operations(layers, inputs, outputs)
    read, written = inputs * layers.activation_bits / 8, outputs * layers.output_bits / 8
    compute = np.ceil(operations / chips.cols)
    total = np.maximum(compute, np.ceil((read + written) * chips.clock_hz / chips.dram_bytes_per_s))
    energy = operations * figure(chips, "add_pj_32b") * PICO + (read + written) * prices.dram
    energy = energy + 2 * read * prices.ifmap + 2 * written * prices.ofmap + prices.idle_w * total / chips.clock_hz
    return Choice(total, energy, compute, 2 * (read + written), read + written, np.full(len(total), float(VECTOR)))


def _operations(layers: LayerColumns, inputs: Column, outputs: Column) -> Column:
    pooled, read = outputs * layers.kh * layers.kw, outputs * layers.operands
    per_kind = (pooled, read, inputs, np.zeros_like(inputs), read)
    first = KINDS.index("pool")
    return np.select([layers.kind == first + i for i in range(len(per_kind))], per_kind)
