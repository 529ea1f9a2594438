"""The inner loop: latency and energy of every candidate tiling of convolutions and products, and the best of each row.

Shapes: (rows, pixel steps, channel steps) for a plane of candidates; quantities that do not depend on a step have
extent 1 there. Bytes of DRAM traffic are turned into cycles by `cycles_per_byte`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS, WS, array_cycles
from gossamer.backends.systolic.energy import ACCUMULATOR_BITS, Prices
from gossamer.backends.systolic.mapping import Pixels, Product, channel_tiles, channels_in, depth_tiles

Column = NDArray[np.float64]
ACCUMULATOR_BYTES = ACCUMULATOR_BITS / 8


@dataclass(frozen=True)
class Choice:
    """The chosen mapping of each row; inf `total` where none is legal. Cycles, J, bytes."""

    total: Column
    energy: Column
    compute: Column
    sram: Column
    dram: Column
    mapping: Column


@dataclass(frozen=True)
class _Chips:
    """Columns of the chips, shaped (rows, 1, 1), and prices alike."""

    rows: Column
    cols: Column
    ifmap: Column
    filter: Column
    ofmap: Column
    cycles_per_byte: Column
    ifmap_j: Column
    filter_j: Column
    ofmap_j: Column
    dram_j: Column

    @staticmethod
    def of(chips: HardwareColumns, prices: Prices) -> "_Chips":
        columns = (
            chips.rows, chips.cols, chips.ifmap_sram_bytes, chips.filter_sram_bytes, chips.ofmap_sram_bytes,
            chips.clock_hz / chips.dram_bytes_per_s, prices.ifmap, prices.filter, prices.ofmap, prices.dram,
        )
        return _Chips(*(c[:, None, None] for c in columns))


@dataclass(frozen=True)
class _Bytes:
    """Bytes per element: inputs, weights, results, shaped (rows, 1, 1)."""

    a: Column
    w: Column
    o: Column

    @staticmethod
    def of(layers: LayerColumns) -> "_Bytes":
        return _Bytes(*(bits[:, None, None] / 8 for bits in (layers.activation_bits, layers.weight_bits, layers.output_bits)))


@dataclass(frozen=True)
class _Work:
    """What all planes of a block share. `tn` counts channel tiles; bytes are of one group, each operand once."""

    dataflow: float
    p: Product
    chip: _Chips
    size: _Bytes
    pixels: Pixels
    tile_n: Column
    tn: Column
    folds_m: Column
    folds_n: Column
    folds_k: Column
    input_bytes: Column
    weight_bytes: Column
    output_bytes: Column


@dataclass(frozen=True)
class _Plane:
    """Candidates of one order and depth: cycles, DRAM and SRAM traffic in bytes, J that depends on the mapping."""

    total: Column
    energy: Column
    dram: Column
    sram: Column


def choose(dataflow: float, layers: LayerColumns, chips: HardwareColumns, prices: Prices) -> Choice:
    """Best mapping of each row; all rows have this dataflow. `energy` is that of the memories."""
    work = _work(dataflow, layers, chips, prices)
    planes = _planes(work, chips)
    rows = len(layers)
    shape = (rows, work.pixels.tile.shape[1], work.tile_n.shape[2])

    def stacked(name: str) -> Column:
        return np.stack([np.broadcast_to(getattr(plane, name), shape).reshape(rows, -1) for plane in planes], axis=1).reshape(rows, -1)

    total = stacked("total")
    lowest = total.min(axis=1)
    pick = np.where(total <= lowest[:, None], stacked("energy"), np.inf).argmin(axis=1)
    at = (np.arange(rows), pick)
    p = work.p
    compute = p.groups * array_cycles(dataflow, p.m, p.n, p.k, work.chip.rows, work.chip.cols)
    return Choice(lowest, stacked("energy")[at], compute[:, 0, 0], stacked("sram")[at], stacked("dram")[at], pick.astype(np.float64))


def _work(dataflow: float, layers: LayerColumns, chips: HardwareColumns, prices: Prices) -> _Work:
    p, chip, size = Product.of(layers), _Chips.of(chips, prices), _Bytes.of(layers)
    pixels, tile_n = Pixels.of(p, chips), channel_tiles(p, chips)
    folds_m = pixels.count * np.ceil(pixels.tile / (chip.cols if dataflow == IS else chip.rows))
    return _Work(
        dataflow, p, chip, size, pixels, tile_n, np.ceil(p.n / tile_n), folds_m, np.ceil(p.n / chip.cols), np.ceil(p.k / chip.rows),
        pixels.swept * p.ic * size.a, p.n * p.k * size.w, p.m * p.n * size.o,
    )


def _planes(work: _Work, chips: HardwareColumns) -> list[_Plane]:
    """In the order of `mapping.PLANES`."""
    whole, *cuts = depth_tiles(work.p, chips)
    legal = _legal(work, whole, np.ones_like(whole))
    planes = [_whole_depth(work, legal, keep_input=True), _whole_depth(work, legal, keep_input=False)]
    for depth in cuts:
        tk = np.ceil(work.p.k / depth)
        planes.append(_cut_depth(work, _legal(work, depth, tk) & (tk > 1), tk))
    return planes


def _legal(work: _Work, depth: Column, tk: Column) -> NDArray[np.bool_]:
    """Whether a full tile of each operand fits its SRAM: twice where there is more than one (double buffering)."""
    p, chip, size, tm, tn = work.p, work.chip, work.size, work.pixels.count, work.tn
    held = np.where((tk > 1) | (work.dataflow in (WS, IS)), ACCUMULATOR_BYTES, size.o)
    a = work.pixels.window * channels_in(p, depth) * size.a * _buffers(p.groups * tm * tk) <= chip.ifmap
    f = depth * work.tile_n * size.w * _buffers(p.groups * tn * tk) <= chip.filter
    o = work.pixels.tile * work.tile_n * held * _buffers(p.groups * tm * tn) <= chip.ofmap
    return a & f & o


def _buffers(tiles: Column) -> Column:
    return np.where(tiles > 1, 2.0, 1.0)


def _compute(work: _Work, tk: Column) -> Column:
    """Cycles of all tiles of one group: the forms of cycles.py, summed over tiles."""
    p, chip = work.p, work.chip
    if work.dataflow == WS:
        return work.folds_k * work.folds_n * (p.m + work.pixels.count * (2 * chip.rows + chip.cols - 2))
    if work.dataflow == IS:
        return work.folds_k * work.folds_m * (p.n + work.tn * (2 * chip.rows + chip.cols - 2))
    return work.folds_m * work.folds_n * (p.k + tk * (chip.rows + chip.cols - 2))


def _whole_depth(work: _Work, legal: NDArray[np.bool_], keep_input: bool) -> _Plane:
    """Planes `mn` (an input tile is kept while the weights pass) and `nm` (the other way round)."""
    tm, tn = work.pixels.count, work.tn
    a, f, o = work.input_bytes / tm, work.weight_bytes / tn, work.output_bytes / (tm * tn)
    if keep_input:
        outer, inner, passing = tm, tn, f
        loaded = work.input_bytes, work.weight_bytes * tm
    else:
        outer, inner, passing = tn, tm, a
        loaded = work.input_bytes * tn, work.weight_bytes
    tk = np.ones_like(work.p.k)
    c = _compute(work, tk) / (tm * tn)
    time = _time(work, c, a + f, o, outer, a + f + o, outer * (inner - 1), passing + o)
    return _plane(work, legal, time, *loaded, tk)


def _cut_depth(work: _Work, legal: NDArray[np.bool_], tk: Column) -> _Plane:
    """Plane `mnk`: an output tile is finished before the next; both operands move every step."""
    tm, tn = work.pixels.count, work.tn
    a, f, o = work.input_bytes / (tm * tk), work.weight_bytes / (tn * tk), work.output_bytes / (tm * tn)
    c = _compute(work, tk) / (tm * tn * tk)
    time = _time(work, c, a + f, o, tm * tn, a + f + o, tm * tn * (tk - 1), a + f)
    return _plane(work, legal, time, work.input_bytes * tn, work.weight_bytes * tm, tk)


def _time(work: _Work, c: Column, first: Column, last: Column, many: Column, moved: Column, others: Column, moved_other: Column) -> Column:
    """Cycles of a layer: `many` steps move `moved` bytes each (the first of them before anything runs), `others` move
    `moved_other`; see model.py."""
    rate, groups = work.chip.cycles_per_byte, work.p.groups
    steps = (groups * many - 1) * np.maximum(c, moved * rate) + groups * others * np.maximum(c, moved_other * rate)
    return np.ceil((first + last) * rate + steps + c)


def _plane(work: _Work, legal: NDArray[np.bool_], time: Column, loaded_a: Column, loaded_w: Column, tk: Column) -> _Plane:
    """Adds traffic and energy: `loaded_*` are bytes of inputs and weights fetched from DRAM for one group.

    Every byte fetched is written into its SRAM once; every sum but the first of an output is read, added to and
    written back at accumulator width; results are read once more when they leave.
    """
    p, chip, size = work.p, work.chip, work.size
    reads_a, reads_w, sums = _accesses(work, tk)
    at_ifmap = reads_a * size.a + loaded_a
    at_filter = reads_w * size.w + loaded_w
    at_ofmap = (2 * sums - p.m * p.n) * ACCUMULATOR_BYTES + work.output_bytes
    moved = loaded_a + loaded_w + work.output_bytes
    energy = at_ifmap * chip.ifmap_j + at_filter * chip.filter_j + at_ofmap * chip.ofmap_j + moved * chip.dram_j
    sram = at_ifmap + at_filter + at_ofmap
    return _Plane(np.where(legal, time, np.inf), p.groups * energy, p.groups * moved, p.groups * sram)


def _accesses(work: _Work, tk: Column) -> tuple[Column, Column, Column]:
    """Elements the array reads of inputs and weights and writes of sums, all tiles of one group (see cycles.py)."""
    p = work.p
    if work.dataflow == WS:
        return p.m * p.k * work.folds_n, p.k * p.n * work.pixels.count, p.m * p.n * work.folds_k
    if work.dataflow == IS:
        return p.m * p.k * work.tn, p.k * p.n * work.folds_m, p.m * p.n * work.folds_k
    return p.m * p.k * work.folds_n, p.k * p.n * work.folds_m, p.m * p.n * tk
