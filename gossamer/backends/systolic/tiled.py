"""The inner loop: latency of every candidate tiling of convolutions and products. model.py states the formula.

Steps of a ladder that give every row of a block the same tiles as an earlier step are left out of it (ladders.py).
Shapes: (pixel steps, channel steps, rows) for a plane of candidates, with extent 1 or nothing where a quantity does not
depend on a step. Rows come last so that numpy's innermost loop is the long one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS, WS
from gossamer.backends.systolic.energy import ACCUMULATOR_BITS, Prices
from gossamer.backends.systolic.ladders import ALL, Steps
from gossamer.backends.systolic.mapping import Pixels, Product, channel_tiles, channels_in, depth_tiles

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
    steps: Steps
    p: Product
    chip: _Chips
    size: _Bytes
    pixels: Pixels
    tile_n: Column
    depths: tuple[Column, ...]
    tm: Column
    tn: Column
    folds_m: Column
    folds_n: Column
    folds_k: Column
    input_bytes: Column
    weight_bytes: Column
    output_bytes: Column


def work_of(dataflow: float, layers: LayerColumns, chips: HardwareColumns, prices: Prices, every: bool = False) -> Work:
    """`every` keeps the steps that repeat an earlier one in all rows."""
    p, chip, size = Product.of(layers), _Chips.of(chips, prices), _Bytes.of(layers)
    pixels, tile_n, depths = Pixels.of(p, chips), channel_tiles(p, chips), depth_tiles(p, chips)
    steps = ALL if every else Steps.of(pixels, tile_n, depths)
    pixels, tile_n = pixels.take(steps.pixels), tile_n[steps.channels]
    return Work(
        dataflow=dataflow,
        steps=steps,
        p=p,
        chip=chip,
        size=size,
        pixels=pixels,
        tile_n=tile_n,
        depths=tuple(depths[cut] for cut in steps.cuts),
        tm=pixels.count,
        tn=np.ceil(p.n / tile_n),
        folds_m=pixels.count * np.ceil(pixels.tile / (chip.cols if dataflow == IS else chip.rows)),
        folds_n=np.ceil(p.n / chip.cols),
        folds_k=np.ceil(p.k / chip.rows),
        input_bytes=pixels.swept * p.ic * size.a,
        weight_bytes=p.n * p.k * size.w,
        output_bytes=p.m * p.n * size.o,
    )


def totals(work: Work) -> Column:
    """Cycles of every candidate before they are rounded up, inf where it is not legal; shape (planes, pixel steps,
    channel steps, rows), the steps being those of `work.steps`.
    """
    found = np.empty((2 + len(work.depths), work.tm.shape[0], *work.tn.shape))
    tiles = work.tm * work.tn
    stored = (work.output_bytes * work.chip.cycles_per_byte / work.tm) / work.tn
    _whole_depth(work, tiles, stored, found[0], found[1])
    illegal = ~_fits_ofmap(work, tiles, _held(work, 1.0))
    np.copyto(found[:2], np.inf, where=illegal | ~_fits_operands(work, work.p.k, 1.0))
    if work.depths:
        illegal = ~_fits_ofmap(work, tiles, ACCUMULATOR_BYTES)
    for plane, depth in zip(found[2:], work.depths, strict=True):
        tk = np.ceil(work.p.k / depth)
        _cut_depth(work, tk, tiles, stored, plane)
        np.copyto(plane, np.inf, where=illegal | ~(_fits_operands(work, depth, tk) & (tk > 1)))
    return found


def sram_needs(work: Work, depth: Column, tk: Column) -> tuple[Column, Column, Column]:
    """Bytes a tile takes in the ifmap, filter and ofmap SRAM: twice where there is more than one (double buffering)."""
    return (*_operand_needs(work, depth, tk), _ofmap_need(work, work.tm * work.tn, _held(work, tk)))


def _held(work: Work, tk: Column | float) -> Column:
    """Bytes of a sum: accumulator width where it waits for more depth; a finished os output has its own width."""
    return np.where((tk > 1) | (work.dataflow in (WS, IS)), ACCUMULATOR_BYTES, work.size.o)


def _operand_needs(work: Work, depth: Column, tk: Column | float) -> tuple[Column, Column]:
    size, groups = work.size, work.p.groups
    a = work.pixels.window * (channels_in(work.p, depth) * size.a) * _buffers(groups * work.tm * tk)
    return a, depth * work.tile_n * size.w * _buffers(groups * work.tn * tk)


def _ofmap_need(work: Work, tiles: Column, held: Column | float) -> Column:
    return work.pixels.tile * (work.tile_n * held) * _buffers(work.p.groups * tiles)


def _fits_operands(work: Work, depth: Column, tk: Column | float) -> NDArray[np.bool_]:
    a, f = _operand_needs(work, depth, tk)
    return (a <= work.chip.ifmap) & (f <= work.chip.filter)


def _fits_ofmap(work: Work, tiles: Column, held: Column | float) -> NDArray[np.bool_]:
    return _ofmap_need(work, tiles, held) <= work.chip.ofmap


def _buffers(tiles: Column) -> Column:
    return np.minimum(tiles, 2.0)


def _compute(work: Work, tk: Column | float) -> Column:
    """Cycles of all tiles of one group: the forms of cycles.py, summed over tiles."""
    p, chip = work.p, work.chip
    if work.dataflow == WS:
        return work.folds_k * work.folds_n * (p.m + work.tm * (2 * chip.rows + chip.cols - 2))
    if work.dataflow == IS:
        return work.folds_k * work.folds_m * (p.n + work.tn * (2 * chip.rows + chip.cols - 2))
    return work.folds_m * work.folds_n * (p.k + tk * (chip.rows + chip.cols - 2))


def _whole_depth(work: Work, tiles: Column, o: Column, keep_input: Column, keep_weights: Column) -> None:
    """Planes `mn` (an input tile is kept while the weights pass) and `nm` (the other way round)."""
    tm, tn, rate, groups = work.tm, work.tn, work.chip.cycles_per_byte, work.p.groups
    a, f = work.input_bytes * rate / tm, work.weight_bytes * rate / tn
    load, c = a + f, _compute(work, 1.0) / tiles
    ends, new_pair = load + o, np.maximum(c, load + o)
    for plane, outer, passing in ((keep_input, tm, f), (keep_weights, tn, a)):
        _time(plane, c, ends, new_pair, groups * outer - 1, np.maximum(c, passing + o), groups * (tiles - outer))


def _cut_depth(work: Work, tk: Column, tiles: Column, o: Column, plane: Column) -> None:
    """Plane `mnk`: an output tile is finished before the next; both operands move every step."""
    rate, many = work.chip.cycles_per_byte, work.p.groups * tiles
    load = work.input_bytes * rate / (work.tm * tk) + work.weight_bytes * rate / (work.tn * tk)
    ends, c = load + o, _compute(work, tk) / (tiles * tk)
    _time(plane, c, ends, np.maximum(c, ends), many - 1, np.maximum(c, load), many * (tk - 1))


def _time(plane: Column, c: Column, ends: Column, step: Column, steps: Column, other: Column, others: Column) -> None:
    """Cycles of a layer into `plane`: `ends` (first load, last store), `steps` and `others` of these lengths, and the
    last tile's `c`; see model.py.
    """
    other *= others
    np.multiply(steps, step, out=plane)
    plane += other
    plane += ends
    plane += c
