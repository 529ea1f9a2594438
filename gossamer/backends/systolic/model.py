"""Price layers on chips: every legal mapping of every row at once, the best of each row returned.

    costs = price(LayerColumns.of(layers), HardwareColumns.of(chips))     # row i: layers[i] on chips[i]

Latency of a mapping, in cycles, with double-buffered SRAMs (a = input tile, f = weight tile, o = output tile, each in
cycles of DRAM time; c = compute of a tile):

    first load a + f  +  sum over the other tiles of max(c, what is loaded and stored meanwhile)  +  c  +  last store o

Tiles that load two operands and tiles that load one are counted apart. A layer starts with its input and weights in
DRAM and ends with its output there; nothing overlaps across layers. `compute_cycles` is SCALE-Sim's stall-free count
for the layer in one piece; `stall_cycles` is all the rest: waiting, and refilling the pipeline for every tile.
Invariants: total >= compute; more SRAM or more DRAM bandwidth never takes more cycles.
"""

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.base import LayerCosts
from gossamer.backends.systolic.choose import Choice, choose
from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS, OS, WS
from gossamer.backends.systolic.energy import Prices, mac_j
from gossamer.backends.systolic.ladders import likeness
from gossamer.backends.systolic.mapping import MAPPINGS, NONE
from gossamer.backends.systolic.vector import price_vector

Column = NDArray[np.float64]

BLOCK = 512
"""Rows priced together: few enough for the caches, many enough to hide the cost of a numpy call."""


def price(layers: LayerColumns, chips: HardwareColumns, wanted: NDArray[np.int64] | None = None) -> LayerCosts:
    """Cost of each row, best mapping chosen (latency, then energy). A single layer or chip is broadcast over the other.

    `wanted` (a position in `mapping.MAPPINGS` per row, -1 for free) prices mappings chosen beforehand.
    """
    layers, chips = _paired(layers, chips)
    rows = len(layers)
    table = {name: np.zeros(rows) for name in ("total", "energy", "compute", "sram", "dram", "mapping")}
    on_array, alike = layers.on_array, likeness(layers, chips)
    for dataflow in (WS, OS, IS):
        where = np.flatnonzero(on_array & (chips.dataflow == dataflow))
        where = where[np.argsort(alike[where], kind="stable")]
        for start in range(0, len(where), BLOCK):
            part = where[start : start + BLOCK]
            _store(
                table,
                part,
                _price_array(dataflow, layers.take(part), chips.take(part), None if wanted is None else wanted[part]),
            )
    where = np.flatnonzero(~on_array)
    if len(where):
        _store(table, where, price_vector(layers.take(where), chips.take(where)))
    return _costs(table, layers, chips)


def _paired(layers: LayerColumns, chips: HardwareColumns) -> tuple[LayerColumns, HardwareColumns]:
    rows, others = len(layers), len(chips)
    if rows == others:
        return layers, chips
    if others == 1:
        return layers, chips.take(np.zeros(rows, dtype=np.intp))
    if rows == 1:
        return layers.take(np.zeros(others, dtype=np.intp)), chips
    raise ValueError(f"{rows} layers and {others} chips: give as many of one as of the other, or one of either")


def _price_array(
    dataflow: float,
    layers: LayerColumns,
    chips: HardwareColumns,
    wanted: NDArray[np.int64] | None,
) -> Choice:
    prices = Prices.of(chips)
    best = choose(dataflow, layers, chips, prices, wanted)
    fits = np.isfinite(best.total) & (np.maximum(layers.weight_bits, layers.activation_bits) <= chips.pe_bits)
    macs = layers.macs
    energy = best.energy + macs * mac_j(chips, layers.weight_bits, layers.activation_bits)
    energy = energy + prices.idle_w * best.total / chips.clock_hz
    return Choice(
        np.where(fits, best.total, np.inf),
        np.where(fits, energy, np.inf),
        best.compute,
        best.sram,
        best.dram,
        np.where(fits, best.mapping, float(NONE)),
    )


def _store(table: dict[str, Column], where: NDArray[np.intp], found: Choice) -> None:
    for name, column in table.items():
        column[where] = getattr(found, name)


def _costs(table: dict[str, Column], layers: LayerColumns, chips: HardwareColumns) -> LayerCosts:
    fits = np.isfinite(table["total"])
    total = np.where(fits, table["total"], 0)
    macs = layers.macs
    capacity = total * chips.rows * chips.cols
    busy = np.where(layers.on_array & fits, macs / np.where(capacity > 0, capacity, 1), 0.0)
    compute = np.where(fits, table["compute"], 0)
    return LayerCosts(
        latency_s=table["total"] / chips.clock_hz,
        energy_j=table["energy"],
        compute_cycles=compute.astype(np.int64),
        stall_cycles=(total - compute).astype(np.int64),
        sram_bytes=np.where(fits, table["sram"], 0.0),
        dram_bytes=np.where(fits, table["dram"], 0.0),
        utilization=busy,
        fits=fits,
        mapping=table["mapping"].astype(np.int64),
        mappings=MAPPINGS,
    )
