"""The best candidate of each row - least latency, then least energy - and its traffic and energy.

Energy and traffic are worked out for the candidates that tie for the least latency only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossamer.backends.systolic.columns import HardwareColumns, LayerColumns
from gossamer.backends.systolic.cycles import IS, OS, WS, array_cycles
from gossamer.backends.systolic.energy import Prices
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
    total = totals(work_of(dataflow, layers, chips, prices, every=True))
    return np.ceil(total).reshape(-1, len(layers)).T


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
    work = work_of(dataflow, layers, chips, prices, every=wanted is not None)
    total = totals(work)
    shape, rows = total.shape, len(layers)
    total = total.reshape(-1, rows)
    if wanted is not None:
        total[(np.arange(len(total))[:, None] != wanted) & (wanted >= 0)] = np.inf
    lowest = np.ceil(total.min(axis=0))
    ties = np.flatnonzero(total <= np.where(np.isfinite(lowest), lowest, -1.0))
    plane, step_m, step_n, row = np.unravel_index(ties, shape)
    energy, dram, sram = _traffic(work, row, plane, step_m, step_n)
    first = _least_energy(row, energy, rows)
    candidate = work.steps.candidates(plane[first], step_m[first], step_n[first])
    p = work.p
    compute = p.groups * array_cycles(dataflow, p.m, p.n, p.k, work.chip.rows, work.chip.cols)

    def of_row(column: Column) -> Column:
        found = np.zeros(rows)
        found[row[first]] = column
        return found

    chosen = of_row(candidate.astype(np.float64))
    return Choice(lowest, of_row(energy[first]), compute, of_row(sram[first]), of_row(dram[first]), chosen)


def _least_energy(row: NDArray[np.intp], energy: Column, rows: int) -> NDArray[np.intp]:
    """Position of the entry of least energy (the first of equals) of every row present."""
    least = np.full(rows, np.inf)
    np.minimum.at(least, row, energy)
    at = np.flatnonzero(energy == least[row])[::-1]
    first = np.full(rows, -1, np.intp)
    first[row[at]] = at  # of repeated rows the last one written stays: the first entry
    return first[first >= 0]


def _traffic(
    work: Work,
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
    tm, tn = work.tm[step_m, 0, row], work.tn[step_n, row]
    m, n, k, groups = (column[row] for column in (p.m, p.n, p.k, p.groups))
    depth = np.stack([p.k, p.k, *work.depths])[plane, row]
    folds_m = work.folds_m[step_m, 0, row]
    folds_n, folds_k = work.folds_n[row], work.folds_k[row]
    whole_a, whole_w, out = work.input_bytes[step_m, 0, row], work.weight_bytes[row], work.output_bytes[row]
    reads_a, reads_w, sums = {
        WS: (m * k * folds_n, k * n * tm, m * n * folds_k),
        IS: (m * k * tn, k * n * folds_m, m * n * folds_k),
        OS: (m * k * folds_n, k * n * folds_m, m * n * np.ceil(k / depth)),
    }[work.dataflow]
    loaded_a, loaded_w = np.where(plane == 0, whole_a, whole_a * tn), np.where(plane == 1, whole_w, whole_w * tm)
    at_ifmap = reads_a * size.a[row] + loaded_a
    at_filter = reads_w * size.w[row] + loaded_w
    at_ofmap = (2 * sums - m * n) * ACCUMULATOR_BYTES + out
    moved = loaded_a + loaded_w + out
    energy = at_ifmap * chip.ifmap_j[row] + at_filter * chip.filter_j[row] + at_ofmap * chip.ofmap_j[row]
    energy = energy + moved * chip.dram_j[row]
    return groups * energy, groups * moved, groups * (at_ifmap + at_filter + at_ofmap)
