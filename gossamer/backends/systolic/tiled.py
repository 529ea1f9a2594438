"""The inner loop: latency and energy of every candidate tiling of convolutions and products, and the best of each row.

Shapes: (rows, pixel steps, channel steps) for a plane of candidates; quantities that do not depend on a step have
extent 1 there. Bytes of DRAM traffic are turned into cycles by `cycles_per_byte`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS, OS, WS, array_cycles
from gossamer.backends.systolic.energy import ACCUMULATOR_BITS, Prices
from gossamer.backends.systolic.mapping import PLANES, Pixels, Product, channel_tiles, channels_in, depth_tiles

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
            chips.rows,
            chips.cols,
            chips.ifmap_sram_bytes,
            chips.filter_sram_bytes,
            chips.ofmap_sram_bytes,
            chips.clock_hz / chips.dram_bytes_per_s,
            prices.ifmap,
            prices.filter,
            prices.ofmap,
            prices.dram,
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
        return _Bytes(
            *(bits[:, None, None] / 8 for bits in (layers.activation_bits, layers.weight_bits, layers.output_bits))
        )


@dataclass(frozen=True)
class _Work:
    """What all candidates of a block share. `tm`, `tn` count tiles; bytes are of one group, each operand once."""

    dataflow: float
    p: Product
    chip: _Chips
    size: _Bytes
    pixels: Pixels
    tile_n: Column
    tm: Column
    tn: Column
    folds_m: Column
    folds_n: Column
    folds_k: Column
    input_bytes: Column
    weight_bytes: Column
    output_bytes: Column


def candidate_cycles(dataflow: float, layers: LayerColumns, chips: HardwareColumns, prices: Prices) -> Column:
    """Latency of every candidate in cycles, inf where it is not legal; shape (rows, candidates), see `mapping.MAPPINGS`."""
    total = _totals(_work(dataflow, layers, chips, prices), depth_tiles(Product.of(layers), chips))
    return total.reshape(len(layers), -1)


def choose(
    dataflow: float,
    layers: LayerColumns,
    chips: HardwareColumns,
    prices: Prices,
    wanted: NDArray[np.int64] | None = None,
) -> Choice:
    """Best mapping of each row: least latency, then least energy. All rows have this dataflow; `energy` is that of the memories.

    `wanted`, where given and >= 0, is the one candidate a row may use.
    """
    work = _work(dataflow, layers, chips, prices)
    depths = depth_tiles(work.p, chips)
    total = _totals(work, depths)
    rows = len(layers)
    if wanted is not None:
        others = (np.arange(total[0].size) != wanted[:, None]) & (wanted >= 0)[:, None]
        total[others.reshape(total.shape)] = np.inf
    lowest = total.reshape(rows, -1).min(axis=1)
    row, plane, step_m, step_n = np.nonzero(total <= np.where(np.isfinite(lowest), lowest, -1.0)[:, None, None, None])
    energy, dram, sram = _traffic(work, depths, row, plane, step_m, step_n)
    first = _least_energy(row, energy, rows)
    candidate = (plane * total.shape[2] + step_m) * total.shape[3] + step_n
    p = work.p
    compute = p.groups * array_cycles(dataflow, p.m, p.n, p.k, work.chip.rows, work.chip.cols)

    def of_row(column: Column) -> Column:
        found = np.zeros(rows)
        found[row[first]] = column[first]
        return found

    return Choice(
        lowest, of_row(energy), compute[:, 0, 0], of_row(sram), of_row(dram), of_row(candidate.astype(np.float64))
    )


def _least_energy(row: NDArray[np.intp], energy: Column, rows: int) -> NDArray[np.intp]:
    """Position of the entry of least energy (the first of equals) of every row present; `row` is sorted."""
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    if not len(starts):
        return starts
    least = np.zeros(rows)
    least[row[starts]] = np.minimum.reduceat(energy, starts)
    at = np.flatnonzero(energy == least[row])
    return at[np.flatnonzero(np.diff(row[at], prepend=-1))]


def _work(dataflow: float, layers: LayerColumns, chips: HardwareColumns, prices: Prices) -> _Work:
    p, chip, size = Product.of(layers), _Chips.of(chips, prices), _Bytes.of(layers)
    pixels, tile_n = Pixels.of(p, chips), channel_tiles(p, chips)
    folds_m = pixels.count * np.ceil(pixels.tile / (chip.cols if dataflow == IS else chip.rows))
    return _Work(
        dataflow,
        p,
        chip,
        size,
        pixels,
        tile_n,
        pixels.count,
        np.ceil(p.n / tile_n),
        folds_m,
        np.ceil(p.n / chip.cols),
        np.ceil(p.k / chip.rows),
        pixels.swept * p.ic * size.a,
        p.n * p.k * size.w,
        p.m * p.n * size.o,
    )


def _totals(work: _Work, depths: tuple[Column, ...]) -> Column:
    """Cycles of every candidate, inf where it is not legal; shape (rows, planes, pixel steps, channel steps)."""
    whole, *cuts = depths
    found = np.empty((len(whole), len(PLANES), work.tm.shape[1], work.tn.shape[2]))
    one = np.ones_like(whole)
    illegal = ~_legal(work, whole, one)
    for plane, keep_input in enumerate((True, False)):
        found[:, plane] = _whole_depth(work, one, keep_input)
        found[:, plane][illegal] = np.inf
    for plane, depth in enumerate(cuts, start=2):
        tk = np.ceil(work.p.k / depth)
        found[:, plane] = _cut_depth(work, tk)
        found[:, plane][~(_legal(work, depth, tk) & (tk > 1))] = np.inf
    return np.ceil(found, out=found)


def _legal(work: _Work, depth: Column, tk: Column) -> NDArray[np.bool_]:
    """Whether a full tile of each operand fits its SRAM: twice where there is more than one (double buffering)."""
    chip, size, groups = work.chip, work.size, work.p.groups
    held = np.where((tk > 1) | (work.dataflow in (WS, IS)), ACCUMULATOR_BYTES, size.o)
    a = work.pixels.window * channels_in(work.p, depth) * size.a * _buffers(groups * work.tm * tk) <= chip.ifmap
    f = depth * work.tile_n * size.w * _buffers(groups * work.tn * tk) <= chip.filter
    o = work.pixels.tile * work.tile_n * held * _buffers(groups * work.tm * work.tn) <= chip.ofmap
    return a & f & o


def _buffers(tiles: Column) -> Column:
    return np.where(tiles > 1, 2.0, 1.0)


def _compute(work: _Work, tk: Column) -> Column:
    """Cycles of all tiles of one group: the forms of cycles.py, summed over tiles."""
    p, chip = work.p, work.chip
    if work.dataflow == WS:
        return work.folds_k * work.folds_n * (p.m + work.tm * (2 * chip.rows + chip.cols - 2))
    if work.dataflow == IS:
        return work.folds_k * work.folds_m * (p.n + work.tn * (2 * chip.rows + chip.cols - 2))
    return work.folds_m * work.folds_n * (p.k + tk * (chip.rows + chip.cols - 2))


def _whole_depth(work: _Work, tk: Column, keep_input: bool) -> Column:
    """Planes `mn` (an input tile is kept while the weights pass) and `nm` (the other way round); `tk` is 1."""
    tm, tn, rate = work.tm, work.tn, work.chip.cycles_per_byte
    a, f, o = work.input_bytes * rate / tm, work.weight_bytes * rate / tn, (work.output_bytes * rate / tm) / tn
    outer, inner, passing = (tm, tn, f) if keep_input else (tn, tm, a)
    return _time(work, _compute(work, tk) / (tm * tn), a + f, o, outer, a + f + o, outer * (inner - 1), passing + o)


def _cut_depth(work: _Work, tk: Column) -> Column:
    """Plane `mnk`: an output tile is finished before the next; both operands move every step."""
    tm, tn, rate = work.tm, work.tn, work.chip.cycles_per_byte
    a, f, o = (
        work.input_bytes * rate / (tm * tk),
        work.weight_bytes * rate / (tn * tk),
        (work.output_bytes * rate / tm) / tn,
    )
    tiles = tm * tn
    load = a + f
    return _time(work, _compute(work, tk) / (tiles * tk), load, o, tiles, load + o, tiles * (tk - 1), load)


def _time(
    work: _Work,
    c: Column,
    first: Column,
    last: Column,
    many: Column,
    moved: Column,
    others: Column,
    moved_other: Column,
) -> Column:
    """Cycles of a layer: `many` steps move for `moved` cycles (the first of them before anything runs), `others` for
    `moved_other`; see model.py."""
    groups = work.p.groups
    steps = (groups * many - 1) * np.maximum(c, moved) + groups * others * np.maximum(c, moved_other)
    return first + last + steps + c


def _traffic(
    work: _Work,
    depths: tuple[Column, ...],
    row: NDArray[np.intp],
    plane: NDArray[np.intp],
    step_m: NDArray[np.intp],
    step_n: NDArray[np.intp],
) -> tuple[Column, Column, Column]:
    """Energy of the memories (J), DRAM and SRAM traffic (bytes) of some candidates.

    Every byte fetched is written into its SRAM once; every sum but the first of an output is read, added to and
    written back at accumulator width; results are read once more when they leave.
    """
    p, size, chip = work.p, work.size, work.chip
    tm, tn = work.tm[row, step_m, 0], work.tn[row, 0, step_n]
    m, n, k, groups = (column[row, 0, 0] for column in (p.m, p.n, p.k, p.groups))
    depth = np.concatenate([depths[0], *depths], axis=1)[row, plane, 0]
    folds_m = work.folds_m[row, step_m, 0]
    folds_n, folds_k = work.folds_n[row, 0, 0], work.folds_k[row, 0, 0]
    whole_a, whole_w, out = work.input_bytes[row, step_m, 0], work.weight_bytes[row, 0, 0], work.output_bytes[row, 0, 0]
    reads_a, reads_w, sums = {
        WS: (m * k * folds_n, k * n * tm, m * n * folds_k),
        IS: (m * k * tn, k * n * folds_m, m * n * folds_k),
        OS: (m * k * folds_n, k * n * folds_m, m * n * np.ceil(k / depth)),
    }[work.dataflow]
    loaded_a, loaded_w = np.where(plane == 0, whole_a, whole_a * tn), np.where(plane == 1, whole_w, whole_w * tm)
    at_ifmap = reads_a * size.a[row, 0, 0] + loaded_a
    at_filter = reads_w * size.w[row, 0, 0] + loaded_w
    at_ofmap = (2 * sums - m * n) * ACCUMULATOR_BYTES + out
    moved = loaded_a + loaded_w + out
    energy = (
        at_ifmap * chip.ifmap_j[row, 0, 0] + at_filter * chip.filter_j[row, 0, 0] + at_ofmap * chip.ofmap_j[row, 0, 0]
    )
    energy = energy + moved * chip.dram_j[row, 0, 0]
    return groups * energy, groups * moved, groups * (at_ifmap + at_filter + at_ofmap)
