"""The inner loop: latency of every candidate tiling of convolutions and products. model.py states the formula.

Shapes: (pixel steps, channel steps, rows) for a plane of candidates, with extent 1 or nothing where a quantity does not
depend on a step. Rows come last so that numpy's innermost loop is the long one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS, WS
from gossamer.backends.systolic.energy import ACCUMULATOR_BITS, Prices
from gossamer.backends.systolic.mapping import PLANES, Pixels, Product, channel_tiles, channels_in

Column = NDArray[np.float64]
ACCUMULATOR_BYTES = ACCUMULATOR_BITS / 8


@dataclass(frozen=True)
class _Chips:
    """Columns of the chips, and prices alike."""

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
        return _Chips(*columns)


@dataclass(frozen=True)
class _Bytes:
    """Bytes per element of inputs, weights and results."""

    a: Column
    w: Column
    o: Column

    @staticmethod
    def of(layers: LayerColumns) -> "_Bytes":
        return _Bytes(*(bits / 8 for bits in (layers.activation_bits, layers.weight_bits, layers.output_bits)))


@dataclass(frozen=True)
class Work:
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


def work_of(dataflow: float, layers: LayerColumns, chips: HardwareColumns, prices: Prices) -> Work:
    p, chip, size = Product.of(layers), _Chips.of(chips, prices), _Bytes.of(layers)
    pixels, tile_n = Pixels.of(p, chips), channel_tiles(p, chips)
    folds_m = pixels.count * np.ceil(pixels.tile / (chip.cols if dataflow == IS else chip.rows))
    return Work(
        dataflow=dataflow,
        p=p,
        chip=chip,
        size=size,
        pixels=pixels,
        tile_n=tile_n,
        tm=pixels.count,
        tn=np.ceil(p.n / tile_n),
        folds_m=folds_m,
        folds_n=np.ceil(p.n / chip.cols),
        folds_k=np.ceil(p.k / chip.rows),
        input_bytes=pixels.swept * p.ic * size.a,
        weight_bytes=p.n * p.k * size.w,
        output_bytes=p.m * p.n * size.o,
    )


def totals(work: Work, depths: tuple[Column, ...]) -> Column:
    """Cycles of every candidate, inf where it is not legal; shape (planes, pixel steps, channel steps, rows)."""
    whole, *cuts = depths
    found = np.empty((len(PLANES), work.tm.shape[0], *work.tn.shape))
    one = np.ones_like(whole)
    illegal = ~_legal(work, whole, one)
    for plane, keep_input in enumerate((True, False)):
        found[plane] = _whole_depth(work, one, keep_input)
        found[plane][illegal] = np.inf
    for plane, depth in enumerate(cuts, start=2):
        tk = np.ceil(work.p.k / depth)
        found[plane] = _cut_depth(work, tk)
        found[plane][~(_legal(work, depth, tk) & (tk > 1))] = np.inf
    return np.ceil(found, out=found)


def sram_needs(work: Work, depth: Column, tk: Column) -> tuple[Column, Column, Column]:
    """Bytes a tile takes in the ifmap, filter and ofmap SRAM: twice where there is more than one (double buffering).

    Sums are held at accumulator width where they wait for more depth; a finished os output has its own width.
    """
    size, groups = work.size, work.p.groups
    held = np.where((tk > 1) | (work.dataflow in (WS, IS)), ACCUMULATOR_BYTES, size.o)
    a = work.pixels.window * channels_in(work.p, depth) * size.a * _buffers(groups * work.tm * tk)
    f = depth * work.tile_n * size.w * _buffers(groups * work.tn * tk)
    return a, f, work.pixels.tile * work.tile_n * held * _buffers(groups * work.tm * work.tn)


def _legal(work: Work, depth: Column, tk: Column) -> NDArray[np.bool_]:
    a, f, o = sram_needs(work, depth, tk)
    return (a <= work.chip.ifmap) & (f <= work.chip.filter) & (o <= work.chip.ofmap)


def _buffers(tiles: Column) -> Column:
    return np.where(tiles > 1, 2.0, 1.0)


def _compute(work: Work, tk: Column) -> Column:
    """Cycles of all tiles of one group: the forms of cycles.py, summed over tiles."""
    p, chip = work.p, work.chip
    if work.dataflow == WS:
        return work.folds_k * work.folds_n * (p.m + work.tm * (2 * chip.rows + chip.cols - 2))
    if work.dataflow == IS:
        return work.folds_k * work.folds_m * (p.n + work.tn * (2 * chip.rows + chip.cols - 2))
    return work.folds_m * work.folds_n * (p.k + tk * (chip.rows + chip.cols - 2))


def _whole_depth(work: Work, tk: Column, keep_input: bool) -> Column:
    """Planes `mn` (an input tile is kept while the weights pass) and `nm` (the other way round); `tk` is 1."""
    tm, tn, rate = work.tm, work.tn, work.chip.cycles_per_byte
    a, f, o = work.input_bytes * rate / tm, work.weight_bytes * rate / tn, (work.output_bytes * rate / tm) / tn
    outer, inner, passing = (tm, tn, f) if keep_input else (tn, tm, a)
    return _time(work, _compute(work, tk) / (tm * tn), a + f, o, outer, a + f + o, outer * (inner - 1), passing + o)


def _cut_depth(work: Work, tk: Column) -> Column:
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
    work: Work,
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
