"""The best candidate of each row - least latency, then least energy - and its traffic and energy.

Energy and traffic are worked out for the candidates that tie for the least latency only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS, OS, WS, array_cycles
from gossamer.backends.systolic.energy import Prices
from gossamer.backends.systolic.mapping import Product, depth_tiles
from gossamer.backends.systolic.tiled import ACCUMULATOR_BYTES, Work, totals, work_of

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """The chosen mapping of each row; inf `total` where none is legal. Cycles, J, bytes."""

    total: Column
    energy: Column
    compute: Column
    sram: Column
    dram: Column
    mapping: Column


def candidate_cycles(dataflow: float, layers: LayerColumns, chips: HardwareColumns, prices: Prices) -> Column:
    """Latency of every candidate in cycles, inf where not legal; shape (rows, candidates), see `mapping.MAPPINGS`."""
    total = totals(work_of(dataflow, layers, chips, prices), depth_tiles(Product.of(layers), chips))
    return total.reshape(len(layers), -1)


def choose(
    dataflow: float,
    layers: LayerColumns,
    chips: HardwareColumns,
    prices: Prices,
    wanted: NDArray[np.int64] | None = None,
) -> Choice:
    """Best mapping of each row, all of which have this dataflow; `energy` is that of the memories.

    `wanted`, where given and >= 0, is the one candidate a row may use.
    """
    work = work_of(dataflow, layers, chips, prices)
    depths = depth_tiles(work.p, chips)
    total = totals(work, depths)
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


def _traffic(
    work: Work,
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
